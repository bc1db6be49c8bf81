"""Lower bounds through whatever xarray does, which drops coordinates that say so in silence."""

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from lossatlas.measures import bounded, difference, log10, mean, measured, spread, stacked, width
from lossatlas.measures.bounds import with_bounds

VALUES = xr.DataArray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], {"seed": [0, 1, 2], "direction": [0, 1]})
IS_OPEN = xr.DataArray([[False, False], [False, True], [True, True]], VALUES.coords)


def sizes() -> xr.DataArray:
    return bounded(VALUES, IS_OPEN)


@pytest.mark.parametrize(
    ("compute", "known", "bounds"),
    [
        (lambda: sizes().mean("direction"), [1.5, 3.5, 5.5], [1, 2]),
        (lambda: mean(sizes(), "direction"), [1.5, 3.5, 5.5], [1, 2]),
        (lambda: sizes().max("direction"), [2, 4, 6], [1, 2]),
        (lambda: sizes().min("direction"), [1, 3, 5], [2]),
        (lambda: 100 * sizes().sum("direction"), [300, 700, 1100], [1, 2]),
        (lambda: log10(sizes()).isel(direction=1), np.log10([2, 4, 6]), [1, 2]),
        (lambda: sizes().std("direction"), [0.5, np.nan, np.nan], []),
        (lambda: spread(sizes(), over="direction"), [np.sqrt(0.5), np.nan, np.nan], []),
        (lambda: (1 / sizes()).isel(direction=1), [0.5, np.nan, np.nan], []),
        (lambda: (sizes() > 3.5).any("direction"), [False, True, True], []),
        (lambda: sizes().isel(direction=1) - sizes().isel(direction=0), [1, 1, np.nan], [1]),
        (
            lambda: difference(sizes(), first={"direction": 0}, second={"direction": 1}, absolute=True),
            [1, np.nan, np.nan],
            [],
        ),
        (lambda: stacked(sizes(), VALUES, over="plane").isel(direction=0, plane=0), [1, 3, 5], [2]),
    ],
)
def test_what_rests_on_bounds_is_a_bound_or_unknown(
    compute: Callable[[], xr.DataArray], known: list[float], bounds: list[int]
) -> None:
    found = with_bounds(compute)
    np.testing.assert_allclose(found, known)
    assert np.flatnonzero(found["open"]).tolist() == bounds


def test_what_is_infinite_by_itself_is_no_bound() -> None:
    ranges = xr.DataArray([np.inf, 1.0], dims="seed")
    found = with_bounds(lambda: ranges + 0 * bounded(ranges, xr.DataArray([False, False], dims="seed")))
    assert "open" not in found.coords
    open_too = with_bounds(lambda: ranges.where(ranges > 2, bounded(ranges, ranges < 2)))
    assert open_too["open"].values.tolist() == [False, True]


def test_of_a_line_that_reaches_the_end_the_width_is_one_and_so_is_a_mean_of_such() -> None:
    alpha = np.linspace(-1, 1, 5)
    loss = np.stack([abs(alpha), 9 * abs(alpha)])[None]
    line = xr.Dataset({"loss": (("seed", "direction", "alpha"), loss)}, {"alpha": alpha})
    assert width(line, level=2.0)["open"].values.tolist() == [[True, False]]
    found = measured(lambda line: width(line, level=2.0).mean("direction"), {"line": line})
    assert found["open"].values.tolist() == [True]


def test_an_error_within_a_measure_leaves_no_bounds_behind() -> None:
    with pytest.raises(ZeroDivisionError):
        with_bounds(lambda: sizes() * (1 / 0))
    assert "open" in sizes().coords
