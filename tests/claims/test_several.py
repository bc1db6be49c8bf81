import numpy as np
import pytest
import xarray as xr

from lossatlas.claims.measures import spread
from lossatlas.claims.measures.reading import Datasets
from lossatlas.claims.measures.several import stacked


def measure(offset: float, *, is_open: bool | None = None) -> object:
    def of(datasets: Datasets) -> xr.DataArray:
        values = xr.DataArray(
            [offset, offset + 10], coords={"seed": [0, 1]}, attrs={"long_name": "area", "units": "α²"}
        )
        return values if is_open is None else values.assign_coords(open=("seed", [is_open, False]))

    return of


def test_measures_lie_along_the_new_dimension_in_their_order() -> None:
    values = stacked({}, of=[measure(1.0), measure(5.0), measure(3.0)], over="plane")  # type: ignore[list-item]
    assert values.dims == ("seed", "plane")
    assert values.values.tolist() == [[1, 5, 3], [11, 15, 13]]
    assert (values.attrs["long_name"], values.attrs["units"]) == ("area", "α²")


def test_their_spread_is_the_standard_deviation_over_them() -> None:
    def all_three(datasets: Datasets) -> xr.DataArray:
        return stacked(datasets, of=[measure(1.0), measure(5.0), measure(3.0)], over="plane")  # type: ignore[list-item]

    np.testing.assert_allclose(spread({}, of=all_three, over="plane"), [2.0, 2.0])


def test_lower_bounds_stay_lower_bounds() -> None:
    values = stacked({}, of=[measure(1.0), measure(2.0, is_open=True)], over="plane")  # type: ignore[list-item]
    assert values["open"].transpose(*values.dims).values.tolist() == [[False, True], [False, False]]


def test_bounds_that_are_alike_lie_along_the_new_dimension_too() -> None:
    values = stacked({}, of=[measure(1.0, is_open=True), measure(2.0, is_open=True)], over="plane")  # type: ignore[list-item]
    assert values["open"].transpose(*values.dims).values.tolist() == [[True, True], [False, False]]


def test_no_measure_and_a_dimension_that_is_taken_are_refused() -> None:
    with pytest.raises(ValueError, match="stacked needs a measure"):
        stacked({}, of=[], over="plane")
    with pytest.raises(ValueError, match=r"have a dimension 'seed' already: \['seed'\]"):
        stacked({}, of=[measure(1.0)], over="seed")  # type: ignore[list-item]
