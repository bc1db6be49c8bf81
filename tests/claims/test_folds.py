import numpy as np
import xarray as xr

from lossatlas.claims.measures.folds import mean_by_curvature

AXIS = np.linspace(-1, 1, 9)


def plane(loss: np.ndarray, ratio: np.ndarray) -> xr.Dataset:
    dims = ("y", "x")
    return xr.Dataset({"loss": (dims, loss), "ratio": (dims, ratio)}, {"x": AXIS, "y": AXIS})


def test_a_bowl_with_one_folded_half_is_told_apart_from_the_other() -> None:
    """x^2 + y^2 for x < 0 and -x^2 + y^2 for x > 0 differ in curvature by halves; the ratio is 0.5 on the right."""
    x, y = np.meshgrid(AXIS, AXIS)
    loss = np.where(x < 0, x**2, -(x**2)) + y**2
    values = mean_by_curvature({"convexity": plane(loss, np.where(x > 0, 0.5, 0.125))})
    assert values.dims == ("curves_down",)
    np.testing.assert_allclose(values.sel(curves_down=True), 0.5)
    np.testing.assert_allclose(values.sel(curves_down=False), 0.125)


def test_the_border_does_not_count_and_neither_do_points_without_eigenvalues() -> None:
    x, y = np.meshgrid(AXIS, AXIS)
    ratio = np.full_like(x, 0.25)
    ratio[[0, -1]] = 9.0
    ratio[:, [0, -1]] = 9.0
    ratio[4, 4] = np.nan
    values = mean_by_curvature({"convexity": plane(x**2 + y**2, ratio)})
    assert values.sel(curves_down=False).item() == 0.25
    assert np.isnan(values.sel(curves_down=True))


def test_each_network_is_taken_by_itself_and_one_that_was_not_surveyed_stays_nan() -> None:
    x, y = np.meshgrid(AXIS, AXIS)
    bowl, saddle = plane(x**2 + y**2, 0 * x + 0.1), plane(x**2 - y**2, 0 * x + 0.3)
    sweep = xr.concat([bowl, saddle, bowl * np.nan], dim="seed")
    values = mean_by_curvature({"convexity": sweep}).transpose("seed", "curves_down")
    np.testing.assert_allclose(values, [[0.1, np.nan], [np.nan, 0.3], [np.nan, np.nan]])
