"""Where a curve of training falls below a level."""

from functools import partial

import numpy as np
import pytest
import xarray as xr

from lossatlas.claims import measures


@pytest.fixture
def datasets() -> dict[str, xr.Dataset]:
    """Losses of ends that halve each epoch, from 1 and from 2, and saddles of bands at 0.3 and 0.01."""
    epochs = np.arange(5)
    losses = [[[start * 0.5**epoch for epoch in epochs] for start in (1.0, 2.0)], np.full((2, 5), np.nan)]
    history = xr.Dataset(
        {"train_loss": (("part", "seed", "epoch"), losses)},
        {"part": ["ends", "band"], "seed": [0, 1], "epoch": epochs},
    )
    saddles = [[np.nan, np.nan], [0.3, 0.01]]
    summary = xr.Dataset(
        {"saddle_loss": (("part", "seed"), saddles)}, {"part": ["ends", "band"], "seed": [0, 1]}
    )
    return {"history": history, "summary": summary}


def test_it_is_the_first_epoch_below_the_networks_own_level(datasets: dict[str, xr.Dataset]) -> None:
    """0.25 is the first power of a half below 0.3; 0.125 is not below 0.01."""
    level = partial(measures.value, landscape="summary", variable="saddle_loss", at={"part": "band"})
    found = measures.first_below(
        datasets, landscape="history", variable="train_loss", along="epoch", level=level, at={"part": "ends"}
    )
    assert found.dims == ("seed",)
    np.testing.assert_array_equal(found, [2.0, np.nan])
    assert "first epoch at which" in found.attrs["long_name"]


def test_a_curve_that_rises_again_counts_from_the_first_time(datasets: dict[str, xr.Dataset]) -> None:
    history = xr.Dataset({"loss": ("epoch", [3.0, 1.0, 4.0, 0.5])}, {"epoch": [1, 2, 3, 4]})
    found = measures.first_below(
        {"history": history},
        landscape="history",
        variable="loss",
        along="epoch",
        level=lambda _: xr.DataArray(2.0),
    )
    assert float(found) == 2.0


def test_without_a_level_there_is_no_crossing(datasets: dict[str, xr.Dataset]) -> None:
    level = partial(measures.value, landscape="summary", variable="saddle_loss", at={"part": "ends"})
    found = measures.first_below(
        datasets, landscape="history", variable="train_loss", along="epoch", level=level, at={"part": "ends"}
    )
    assert found.isnull().all()


def test_a_dataset_without_the_dimension_is_refused(datasets: dict[str, xr.Dataset]) -> None:
    with pytest.raises(ValueError, match="'summary' has no dimension 'epoch'"):
        measures.first_below(
            datasets,
            landscape="summary",
            variable="saddle_loss",
            along="epoch",
            level=lambda _: xr.DataArray(1.0),
        )
