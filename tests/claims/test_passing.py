"""Where one arm's course passes another's."""

from functools import partial

import numpy as np
import pytest
import xarray as xr

from lossatlas.claims import measures

EPOCHS = np.arange(1, 9)


def courses(**arms: list[float]) -> measures.Measure:
    """Measure over ``arm`` and ``epoch``."""
    values = xr.DataArray(
        list(arms.values()),
        coords={"arm": list(arms), "epoch": EPOCHS},
        dims=("arm", "epoch"),
        attrs={"long_name": "squared_distance"},
    )
    return lambda datasets: values


wide_passes_narrow = partial(
    measures.overtaking, {}, along="epoch", ahead={"arm": "wide"}, behind={"arm": "narrow"}
)


def test_an_exponential_passes_a_line_where_it_exceeds_it() -> None:
    """2^(t-1) > 3t first at t = 5: 16 against 15."""
    found = wide_passes_narrow(of=courses(wide=list(2.0 ** (EPOCHS - 1)), narrow=list(3.0 * EPOCHS)))
    assert found.dims == ()
    assert (float(found), bool(found.open)) == (5.0, False)
    assert found.attrs["long_name"] == (
        "epoch from which on squared distance is greater at arm wide than at arm narrow"
    )


def test_of_several_crossings_the_last_one_counts() -> None:
    of = courses(wide=[0, 2, 0, 0, 2, 2, 2, 2], narrow=[1.0] * 8)
    assert float(wide_passes_narrow(of=of)) == 5.0


def test_one_that_is_ahead_from_the_beginning_is_so_from_the_first_place() -> None:
    assert float(wide_passes_narrow(of=courses(wide=[2.0] * 8, narrow=[1.0] * 8))) == 1.0


@pytest.mark.parametrize("wide", [[0.0] * 8, [0, 2, 2, 2, 2, 2, 2, 1.0]])
def test_one_that_is_not_ahead_at_the_end_overtakes_there_at_the_earliest(wide: list[float]) -> None:
    """A tie at the last place is not ahead either."""
    found = wide_passes_narrow(of=courses(wide=wide, narrow=[1.0] * 8))
    assert (float(found), bool(found.open)) == (8.0, True)


def test_places_that_one_arm_does_not_know_are_left_out() -> None:
    """Such as the epochs before the checkpoint, and those after the end of a shorter training."""
    nan = float("nan")
    found = wide_passes_narrow(
        of=courses(wide=[nan, 0, 2, 2, 2, 2, nan, nan], narrow=[5, 1, 1, 1, 1, 1, 9, 9.0])
    )
    assert (float(found), bool(found.open)) == (3.0, False)
    empty = wide_passes_narrow(of=courses(wide=[nan] * 8, narrow=[1.0] * 8))
    assert np.isnan(float(empty))
    assert not bool(empty.open)


def test_each_seed_has_its_own() -> None:
    line = xr.DataArray(np.linspace(0, 7, 8), coords={"epoch": EPOCHS})
    starts = xr.DataArray([[2.5, 4.5], [0.0, 0.0]], coords={"arm": ["narrow", "wide"], "seed": [0, 1]})
    steepness = xr.DataArray([0.0, 1.0], coords={"arm": ["narrow", "wide"]})
    found = wide_passes_narrow(of=lambda datasets: starts + steepness * line)
    np.testing.assert_array_equal(found, [4.0, 6.0])


def test_overtaking_needs_the_dimension() -> None:
    with pytest.raises(
        ValueError, match=r"no dimension 'step' to overtake along; there are \['arm', 'epoch'\]"
    ):
        measures.overtaking(
            {}, of=courses(a=[0.0] * 8), along="step", ahead={"arm": "a"}, behind={"arm": "a"}
        )
