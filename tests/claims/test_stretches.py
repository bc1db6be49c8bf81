"""Parts of a course."""

import numpy as np
import pytest
import xarray as xr

from lossatlas.claims import PairedDifference
from lossatlas.claims.measures import stretch

DISTANCES = xr.DataArray(
    [[[np.nan, 2.0, 5.0], [np.nan, 3.0, 6.0]], [[np.nan, 1.0, 5.5], [np.nan, 1.0, 4.0]]],
    coords={"push": ["away", "nothing"], "seed": [0, 1], "epoch": [20, 21, 22]},
    attrs={"long_name": "squared distance", "units": "1"},
)


def test_a_stretch_begins_after_a_place_and_ends_with_another() -> None:
    part = stretch({}, of=lambda datasets: DISTANCES, along="epoch", after=20, until=21)
    assert part.epoch.values.tolist() == [21]
    assert part.sel(push="away").values.ravel().tolist() == [2.0, 3.0]
    assert part.attrs["long_name"] == "squared distance"


def test_a_stretch_without_ends_is_the_whole() -> None:
    xr.testing.assert_equal(stretch({}, of=lambda datasets: DISTANCES, along="epoch"), DISTANCES)


def test_at_each_epoch_after_the_checkpoint_is_decided_at_the_worst_of_them() -> None:
    """Seed 0 is ahead by 1 and then behind by 0.5, seed 1 ahead by 2 and 2."""
    claim = PairedDifference(
        id="each epoch",
        text="farther at each epoch",
        measure=lambda datasets: stretch(datasets, of=lambda _: DISTANCES, along="epoch", after=20),
        greater={"push": "away"},
        lesser={"push": "nothing"},
        worst_over=["epoch"],
    )
    verdict = claim({})
    assert verdict.seeds == 2
    assert verdict.estimate == pytest.approx((-0.5 + 2) / 2)


def test_places_and_dimensions_that_are_not_there_are_named() -> None:
    with pytest.raises(ValueError, match=r"epoch has no place after 22, up to inf; it has \[20, 21, 22\]"):
        stretch({}, of=lambda datasets: DISTANCES, along="epoch", after=22)
    with pytest.raises(ValueError, match=r"no dimension 'alpha' to take a stretch of; there are \['push'"):
        stretch({}, of=lambda datasets: DISTANCES, along="alpha")
