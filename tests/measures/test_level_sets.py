import numpy as np
import pytest

from lossatlas.measures.level_sets import interval_width, sublevel_area

GRID = np.linspace(-1, 1, 51)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.77])
def test_the_width_of_a_wedge_is_exact_between_grid_points(level: float) -> None:
    """|x| < level has width 2 level, and linear interpolation is exact on it."""
    assert interval_width(GRID, abs(GRID), level, around=0.0).size == pytest.approx(2 * level, rel=1e-12)


def test_the_width_of_a_parabola_converges_with_the_square_of_the_spacing() -> None:
    errors = []
    for points in (21, 41, 81):
        x = np.linspace(-1, 1, points)
        errors.append(abs(interval_width(x, x**2, 0.31, around=0.0).size - 2 * np.sqrt(0.31)))
    assert errors[0] < 0.01
    assert errors[2] < errors[0] / 8


def test_only_the_interval_around_the_point_counts() -> None:
    """Two valleys, the second four times as wide; each is measured by the point that lies in it."""
    x = np.linspace(0, 10, 1001)
    y = np.minimum(abs(x - 2), abs(x - 7) / 4)
    assert interval_width(x, y, 0.5, around=2.0).size == pytest.approx(1.0)
    assert interval_width(x, y, 0.5, around=7.0).size == pytest.approx(4.0)


@pytest.mark.parametrize(("around", "size"), [(0.013, 1.0), (-0.2, 1.0), (0.6, 0.0)])
def test_the_point_need_not_be_the_minimum_nor_on_the_grid(around: float, size: float) -> None:
    assert interval_width(GRID, abs(GRID), 0.5, around=around).size == pytest.approx(size)


def test_an_interval_that_reaches_the_end_is_open_and_its_width_a_lower_bound() -> None:
    both = interval_width(GRID, GRID**2, 2.0, around=0.0)
    one = interval_width(GRID, GRID, 0.5, around=0.0)
    closed = interval_width(GRID, GRID**2, 0.5, around=0.0)
    assert (both.size, both.open) == (pytest.approx(2.0), True)
    assert (one.size, one.open) == (pytest.approx(1.5), True)
    assert closed.open is False


@pytest.mark.parametrize("beyond", [np.nan, np.inf, 3e38])
def test_a_loss_beyond_float_range_ends_the_interval_at_the_last_finite_point(beyond: float) -> None:
    y = np.where(abs(GRID) > 0.5, beyond, 0.0)
    assert interval_width(GRID, y, 1.0, around=0.0).size == pytest.approx(0.96)  # points at -0.48 and 0.48


def test_a_curve_that_was_not_surveyed_has_no_width() -> None:
    assert np.isnan(interval_width(GRID, np.full(51, np.nan), 1.0, around=0.0).size)


def test_a_point_outside_the_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"around=1\.5 lies outside the surveyed range \[-1, 1\]"):
        interval_width(GRID, GRID, 1.0, around=1.5)


def test_the_area_of_a_paraboloid_is_that_of_a_disc() -> None:
    z = GRID**2 + GRID[:, None] ** 2
    area = sublevel_area(GRID, GRID, z, 0.36)
    assert area.size == pytest.approx(np.pi * 0.36, rel=2e-3)
    assert area.open is False


def test_the_area_of_an_elliptic_cone_on_an_uneven_grid() -> None:
    """sqrt((x/2)^2 + y^2) < r has area 2 pi r^2."""
    x, y = np.sinh(np.linspace(-1.2, 1.2, 80)), np.linspace(-1, 1, 61)
    area = sublevel_area(x, y, np.hypot(x / 2, y[:, None]), 0.5)
    assert area.size == pytest.approx(2 * np.pi * 0.25, rel=3e-3)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.1, 2.3])
def test_the_area_below_a_plane_is_exact_at_any_angle(angle: float) -> None:
    """A plane through the centre halves the square."""
    z = np.cos(angle) * GRID + np.sin(angle) * GRID[:, None]
    assert sublevel_area(GRID, GRID, z, 0.0).size == pytest.approx(2.0, rel=1e-12)


def test_the_area_error_falls_with_the_square_of_the_spacing() -> None:
    errors = []
    for points in (17, 65):
        x = np.linspace(-1, 1, points)
        errors.append(abs(sublevel_area(x, x, x**2 + x[:, None] ** 2, 0.5).size - np.pi / 2))
    assert errors[1] < errors[0] / 12


def test_the_area_does_not_depend_on_the_orientation_of_the_axes() -> None:
    z = np.random.default_rng(0).random((9, 13))
    x, y = np.linspace(0, 1, 13), np.linspace(0, 2, 9)
    area = sublevel_area(x, y, z, 0.5).size
    assert sublevel_area(x, y, z[:, ::-1], 0.5).size == pytest.approx(area, rel=1e-12)
    assert sublevel_area(y, x, z.T, 0.5).size == pytest.approx(area, rel=1e-12)


def test_every_island_counts_and_the_two_sides_of_a_level_fill_the_grid() -> None:
    z = np.cos(3 * np.pi * GRID) * np.cos(2 * np.pi * GRID[:, None])
    below, above = sublevel_area(GRID, GRID, z, 0.2), sublevel_area(GRID, GRID, -z, -0.2)
    assert below.size + above.size == pytest.approx(4.0, rel=1e-12)


def test_a_flat_surface_is_all_below_or_not_at_all() -> None:
    flat = np.ones((51, 51))
    assert sublevel_area(GRID, GRID, flat, 1.5) == (pytest.approx(4.0), True)
    assert sublevel_area(GRID, GRID, flat, 1.0) == (0.0, False)


@pytest.mark.parametrize("beyond", [np.nan, np.inf])
def test_cells_beyond_float_range_are_outside(beyond: float) -> None:
    z = np.where(abs(GRID) > 0.5, beyond, 0.0) * np.ones((51, 1))
    area = sublevel_area(GRID, GRID, z, 1.0)
    assert area.size == pytest.approx(2 * 0.96)
    assert area.open is True
    assert np.isnan(sublevel_area(GRID, GRID, np.full((51, 51), np.nan), 1.0).size)
