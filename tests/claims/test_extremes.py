"""The best and the worst place of a dimension."""

import numpy as np
import pytest
import xarray as xr

from lossatlas.claims.measures import highest, lowest


def errors(_: object) -> xr.DataArray:
    """Two seeds, of which one has no error at initialisation."""
    values = [[np.nan, 5.0, 2.0, 3.0], [9.0, 4.0, 6.0, 1.0]]
    coords = {"seed": [0, 1], "epoch": [0, 1, 2, 3]}
    return xr.DataArray(values, coords, attrs={"long_name": "test_error", "units": "%"})


def test_extremes_are_those_of_each_seed_by_itself() -> None:
    found = lowest({}, of=errors, along="epoch")
    assert found.dims == ("seed",)
    assert found.values.tolist() == [2, 1]
    assert (found.attrs["long_name"], found.attrs["units"]) == ("lowest test error along epoch", "%")
    assert highest({}, of=errors, along="epoch").values.tolist() == [5, 9]


def test_they_can_be_those_of_some_places_alone() -> None:
    assert lowest({}, of=errors, along="epoch", among=[1, 2]).values.tolist() == [2, 4]
    assert highest({}, of=errors, along="epoch", among=[2, 3]).values.tolist() == [3, 6]


def test_a_network_that_was_not_trained_has_none() -> None:
    missing = xr.DataArray([[np.nan, np.nan]], coords={"seed": [0], "epoch": [1, 2]})
    assert lowest({}, of=lambda _: missing, along="epoch").isnull().all()


def test_among_lower_bounds_the_extreme_is_not_known() -> None:
    widths = xr.DataArray([[2.0, 3.0], [2.0, 3.0]], coords={"seed": [0, 1], "axis": [0, 1]})
    widths = widths.assign_coords(open=(("seed", "axis"), [[False, True], [False, False]]))
    found = lowest({}, of=lambda _: widths, along="axis")
    np.testing.assert_array_equal(found, [np.nan, 2])
    assert "open" not in found.coords


def test_a_dimension_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no dimension 'step'; there are"):
        highest({}, of=errors, along="step")
