"""Measures of surfaces over a sweep, against closed forms."""

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from lossatlas import measures

AXIS = np.linspace(-1, 1, 41)
X, Y = np.meshgrid(AXIS, AXIS)
LONG = 0.05 * np.arange(-40, 41)  # of a line


def surfaces(*planes: np.ndarray) -> xr.Dataset:
    """Networks 0, 1, ... with these losses on the train split, one higher on the test split, and one not surveyed."""
    stacked = np.stack([*planes, np.full_like(planes[0], np.nan)])
    loss = np.stack([stacked, stacked + 1], axis=1)
    coords = {"net": range(len(stacked)), "split": ["train", "test"], "y": AXIS, "x": AXIS}
    return xr.Dataset({"loss": (("net", "split", "y", "x"), loss)}, coords)


ELLIPSE, TWO_WELLS = X**2 / 0.25 + Y**2, np.minimum((X - 0.4) ** 2, (X + 0.4) ** 2) + Y**2
BOTH = surfaces(ELLIPSE, TWO_WELLS)


def test_half_widths_are_those_of_the_axes_of_an_ellipse() -> None:
    for along, axis in (("x", 0.25), ("y", 0.5)):
        halves = measures.half_width(BOTH, level=0.25, along=along)
        assert halves[0] == pytest.approx(axis, rel=2e-3)
        assert np.isnan(halves[2])
    assert measures.half_width(BOTH, level=1.25, split="test")[0] == pytest.approx(0.25, rel=2e-3)


def test_a_half_width_is_of_the_part_that_holds_the_centre() -> None:
    """At level 0.1 neither well reaches the centre, at 0.2 both do."""
    assert measures.half_width(BOTH, level=0.1)[1] == 0
    assert measures.half_width(BOTH, level=0.2)[1] == pytest.approx(0.4 + np.sqrt(0.2), rel=2e-3)


def test_a_half_width_that_reaches_the_edge_is_a_lower_bound() -> None:
    halves = measures.half_width(BOTH, level=1.5, along="y")
    assert halves["open"].values.tolist() == [True, True, False]
    assert halves[0] == 1.0


def test_a_half_width_of_lines_keeps_their_directions() -> None:
    loss = np.stack([abs(LONG), 2 * abs(LONG)])[:, None]
    line = xr.Dataset({"loss": (("direction", "split", "alpha"), loss)}, {"alpha": LONG, "split": ["train"]})
    halves = measures.half_width(line, along="alpha", level=1.0)
    assert halves.dims == ("direction",)
    np.testing.assert_allclose(halves, [1.0, 0.5])


def test_a_half_width_needs_the_centre() -> None:
    with pytest.raises(ValueError, match=r"the loss at y = 0 is needed; the nearest surveyed point is 0\.05"):
        measures.half_width(BOTH.isel(y=slice(21, None)), level=1)


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (lambda surface: measures.components(surface, level=0.1), [1, 2]),
        (lambda surface: measures.components(surface, level=0.2), [1, 1]),
        (lambda surface: measures.most_components(surface, levels=[0.1, 0.2]), [1, 2]),
        (lambda surface: measures.local_minima(surface, prominence=0.1), [1, 2]),
        (lambda surface: measures.local_minima(surface, prominence=0.2), [1, 1]),
        (measures.negative_curvature, [0, 1 / 39]),  # the ridge at x = 0
        (measures.value_range, [5, 1.36]),
        (lambda surface: measures.value_range(surface, split="test"), [5, 1.36]),
    ],
)
def test_shape_and_topology_are_found_on_each_surface(
    measure: Callable[[xr.Dataset], xr.DataArray], expected: list[float]
) -> None:
    """Two wells of depth 0.16; the pass between them, a kink, is the one column that curves down."""
    found = measure(BOTH)
    np.testing.assert_allclose(found, [*expected, np.nan])
    assert found.dims == ("net",)
    assert set(found.attrs) == {"long_name", "units"}


def test_roughness_tells_noise_from_a_bowl() -> None:
    noise = np.random.default_rng(0).normal(size=X.shape)
    rough = measures.roughness(surfaces(ELLIPSE, noise))
    assert rough[0] < 0.01
    assert rough[1] == pytest.approx(np.sqrt(1.25), rel=0.05)


def test_a_surface_that_left_float_range_ranges_infinitely_and_still_has_a_shape() -> None:
    blown = np.where(X > 0.8, np.inf, ELLIPSE)
    found = surfaces(blown)
    assert measures.value_range(found)[0] == np.inf
    assert measures.log10(measures.value_range(found))[0] == np.inf
    assert measures.negative_curvature(found)[0] == 0
    assert measures.components(found, level=1e9)[0] == 1
    everywhere = surfaces(np.full_like(X, np.inf), np.where(X > 0.8, np.nan, ELLIPSE))
    assert measures.value_range(everywhere)[:2].values.tolist() == [np.inf, np.inf]


def test_most_components_needs_a_level() -> None:
    with pytest.raises(ValueError, match="most_components needs at least one level, got none"):
        measures.most_components(BOTH, levels=[])


def test_over_the_plane_points_without_a_value_do_not_count() -> None:
    ratio = np.where(X > 0, 0.3, 0.0)
    ratio[Y > 0] = np.nan
    coords = {"net": range(2), "y": AXIS, "x": AXIS}
    plane = xr.Dataset({"ratio": (("net", "y", "x"), np.stack([ratio, ratio * np.nan]))}, coords)
    share = 20 / 41
    above = measures.share_above(plane, threshold=0.1)
    np.testing.assert_allclose(above, [share, np.nan])
    np.testing.assert_allclose(measures.mean_over_plane(plane), [0.3 * share, np.nan])
    assert above.attrs["long_name"] == "share of the plane where the ratio exceeds 0.1"


COARSE = np.linspace(-1, 1, 9)


def curved(loss: np.ndarray, ratio: np.ndarray) -> xr.Dataset:
    dims = ("y", "x")
    return xr.Dataset({"loss": (dims, loss), "ratio": (dims, ratio)}, {"x": COARSE, "y": COARSE})


def test_a_bowl_with_one_folded_half_is_told_apart_from_the_other() -> None:
    """x^2 + y^2 for x < 0 and -x^2 + y^2 for x > 0 differ in curvature by halves; the ratio is 0.5 on the right."""
    x, y = np.meshgrid(COARSE, COARSE)
    loss = np.where(x < 0, x**2, -(x**2)) + y**2
    values = measures.mean_by_curvature(curved(loss, np.where(x > 0, 0.5, 0.125)))
    assert values.dims == ("curves_down",)
    np.testing.assert_allclose(values.sel(curves_down=True), 0.5)
    np.testing.assert_allclose(values.sel(curves_down=False), 0.125)


def test_the_border_does_not_count_and_neither_do_points_without_eigenvalues() -> None:
    x, y = np.meshgrid(COARSE, COARSE)
    ratio = np.full_like(x, 0.25)
    ratio[[0, -1]] = 9.0
    ratio[:, [0, -1]] = 9.0
    ratio[4, 4] = np.nan
    values = measures.mean_by_curvature(curved(x**2 + y**2, ratio))
    assert values.sel(curves_down=False).item() == 0.25
    assert np.isnan(values.sel(curves_down=True))


def test_each_network_is_taken_by_itself_and_one_that_was_not_surveyed_stays_nan() -> None:
    x, y = np.meshgrid(COARSE, COARSE)
    bowl, saddle = curved(x**2 + y**2, 0 * x + 0.1), curved(x**2 - y**2, 0 * x + 0.3)
    sweep = xr.concat([bowl, saddle, bowl * np.nan], dim="seed")
    values = measures.mean_by_curvature(sweep).transpose("seed", "curves_down")
    np.testing.assert_allclose(values, [[0.1, np.nan], [np.nan, 0.3], [np.nan, np.nan]])
