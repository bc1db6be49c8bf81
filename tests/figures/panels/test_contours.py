import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.panels.contours import FEWEST_LEVELS, between_points
from lossatlas.figures.style import LEVELS


@pytest.fixture
def axis() -> Axes:
    return Figure().subplots()


def test_contours_are_lines_of_the_papers_levels_at_the_right_radius(axis: Axes) -> None:
    """The level l of r^2 * 10 lies at radius sqrt(l / 10)."""
    grid = np.linspace(-1, 1, 101)
    loss = xr.DataArray(10 * (grid**2 + grid[:, None] ** 2), {"y": grid, "x": grid}, ("y", "x"))
    panels.contours(axis, loss)
    (lines,) = axis.collections
    np.testing.assert_allclose(lines.levels, LEVELS)
    np.testing.assert_allclose(LEVELS[:3], [0.1, 0.6, 1.1])
    assert LEVELS[-1] == pytest.approx(9.6)
    ring = lines.get_paths()[2].vertices
    np.testing.assert_allclose(np.hypot(*ring[np.isfinite(ring).all(axis=1)].T), np.sqrt(0.11), atol=0.01)


def test_contours_put_x_across_and_y_up(axis: Axes) -> None:
    grid = np.linspace(-1, 1, 21)
    loss = xr.DataArray(5 + 5 * grid[:, None] + 0 * grid, {"y": grid, "x": grid}, ("y", "x"))
    panels.contours(axis, loss, levels=[5.0])
    (path,) = axis.collections[0].get_paths()
    np.testing.assert_allclose(path.vertices[:, 1], 0, atol=1e-12)


def test_a_surface_without_a_level_is_left_empty_and_says_so(axis: Axes) -> None:
    grid = np.linspace(-1, 1, 5)
    panels.contours(axis, xr.DataArray(np.full((5, 5), 50.0), {"y": grid, "x": grid}, ("y", "x")))
    assert not axis.collections
    assert [text.get_text() for text in axis.texts] == ["no level crossed: loss 50 to 50"]


@pytest.mark.parametrize("fill", [np.nan, np.inf])
def test_a_surface_without_a_finite_loss_is_grey_all_over_and_says_so(axis: Axes, fill: float) -> None:
    grid = np.linspace(-1, 1, 5)
    panels.contours(axis, xr.DataArray(np.full((5, 5), fill), {"y": grid, "x": grid}, ("y", "x")))
    (ground,) = axis.collections
    assert isinstance(ground, QuadMesh)
    assert ground.get_array().count() == 25
    assert [text.get_text() for text in axis.texts] == ["grey: beyond float range,\n25 of 25 points"]


def test_what_is_not_finite_is_grey_ground(axis: Axes) -> None:
    grid = np.linspace(-1, 1, 5)
    loss = xr.DataArray(grid**2 + 4 * grid[:, None] ** 2, {"y": grid, "x": grid}, ("y", "x"))
    loss[4, 0], loss[0, 3] = np.inf, np.nan
    panels.contours(axis, loss)
    (ground,) = [part for part in axis.collections if isinstance(part, QuadMesh)]
    assert np.argwhere(~ground.get_array().mask).tolist() == [[0, 3], [4, 0]]


@pytest.mark.parametrize(
    ("low", "high", "first", "last"),
    [
        (0.0, 12.0, 0.1, 10.0),  # the papers', and the first decade above them
        (0.0, 5e4, 0.1, 1e4),
        (0.0, 0.5, 0.0, 0.5),  # too few of them are crossed: round numbers
        (1200.0, 1300.0, 1200.0, 1300.0),
    ],
)
def test_levels_are_the_papers_unless_too_few_are_crossed(
    low: float, high: float, first: float, last: float
) -> None:
    surface = xr.DataArray([[low, np.nan], [np.inf, high]], dims=("y", "x"))
    levels = panels.fitting_levels(surface)
    assert (levels[0], levels[-1]) == (pytest.approx(first), pytest.approx(last))
    assert ((levels > low) & (levels < high)).sum() >= FEWEST_LEVELS


def test_a_surface_of_small_losses_uses_all_the_colours(axis: Axes) -> None:
    grid = np.linspace(-1, 1, 21)
    loss = xr.DataArray(1 + 0.01 * (grid**2 + grid[:, None] ** 2), {"y": grid, "x": grid}, ("y", "x"))
    panels.contours(axis, loss, levels=panels.fitting_levels(loss))
    (lines,) = axis.collections
    assert lines.get_clim() == (pytest.approx(1.0), pytest.approx(1.02))
    assert len(lines.get_paths()) >= 8


def test_levels_of_nothing_are_the_papers() -> None:
    np.testing.assert_array_equal(panels.fitting_levels(xr.DataArray([[np.nan]], dims=("y", "x"))), LEVELS)


def test_levels_of_a_plane_that_reaches_far_are_few(axis: Axes) -> None:
    surface = xr.DataArray([[0.0, 1e300], [np.inf, 5.0]], {"y": [0.0, 1], "x": [0.0, 1]}, ("y", "x"))
    decades = panels.fitting_levels(surface)[20:]
    assert len(decades) == 8
    assert (decades[0], decades[-1]) == (10, pytest.approx(1e267))
    steps = np.diff(np.log10(decades))
    np.testing.assert_allclose(steps, steps[0])
    panels.contours(axis, surface, levels=panels.fitting_levels(surface))


def test_planes_of_several_sweeps_are_drawn_at_their_own_points(axis: Axes) -> None:
    """Gathered with a finer one, a surface has empty rows and columns between its own."""
    coarse, fine = np.linspace(-1, 1, 5), np.linspace(-1, 1, 9)
    loss = xr.DataArray(coarse**2 + 4 * coarse[:, None] ** 2, {"y": coarse, "x": coarse}, ("y", "x"))
    panels.contours(axis, loss.reindex(y=fine, x=fine))
    assert not [part for part in axis.collections if isinstance(part, QuadMesh)]  # nothing is grey
    assert not axis.texts[len(axis.collections[0].labelTexts) :]


def test_levels_are_as_far_apart_in_logarithm_as_in_the_authors_code() -> None:
    """log_gamma = (log(max - min) - log_alpha) / N; levels = min + exp(log_alpha + log_gamma k), but for the ends."""
    values = np.array([[0.3, 0.9], [2.0, 17.0]])
    clipped = np.minimum(values, 5.0)
    gamma = (np.log(clipped.max() - clipped.min()) + 5.0) / 7
    theirs = clipped.min() + np.exp(-5.0 + gamma * np.arange(8))
    theirs[[0, -1]] = clipped.min(), clipped.max()
    np.testing.assert_allclose(panels.log_levels(xr.DataArray(values)), theirs, rtol=1e-12)


def test_losses_above_the_authors_highest_level_have_levels_up_to_the_largest() -> None:
    levels = panels.log_levels(xr.DataArray([[4000.0, 4500.0], [6000.0, 9000.0]]))
    assert (levels[0], levels[-1]) == (4000.0, pytest.approx(9000.0))


@pytest.mark.parametrize("height", [0.5, 6000.0])
def test_a_flat_surface_has_levels_that_ascend(height: float) -> None:
    assert (np.diff(panels.log_levels(xr.DataArray(np.full((2, 2), height)))) > 0).all()


def test_between_points_nothing_lies_that_was_not_measured() -> None:
    """The points keep their values, and no value leaves the range of the four points around it."""
    rng = np.random.default_rng(0)
    x, y = np.linspace(-1, 1, 9), np.linspace(0, 3, 7)
    values = rng.lognormal(0, 3, (7, 9))
    fine_x, fine_y, fine = between_points(x, y, np.ma.masked_invalid(values))
    np.testing.assert_allclose(fine_x[::8], x)
    np.testing.assert_allclose(fine_y[::8], y)
    np.testing.assert_allclose(fine[::8, ::8], values, rtol=1e-12)
    for row in range(6):
        for column in range(8):
            corners = values[row : row + 2, column : column + 2]
            cell = fine[8 * row : 8 * row + 9, 8 * column : 8 * column + 9]
            assert corners.min() * (1 - 1e-12) <= cell.min() <= cell.max() <= corners.max() * (1 + 1e-12)


def test_between_points_of_a_bowl_the_values_are_nearer_than_on_straight_lines() -> None:
    grid = np.linspace(-1, 1, 11)
    fine, _, values = between_points(
        grid, grid, np.ma.masked_invalid(grid**2 + np.zeros((11, 1)) + 0.3 * grid[:, None])
    )
    truth = fine**2 + 0.3 * fine[:, None]
    straight = np.interp(fine, grid, grid**2) + 0.3 * fine[:, None]
    assert abs(values - truth).mean() < 0.5 * abs(straight - truth).mean()


@pytest.mark.parametrize("size", [2, 60])
def test_a_grid_of_many_points_or_two_or_with_a_gap_stays_as_it_is(size: int) -> None:
    grid = np.linspace(0, 1, size)
    assert len(between_points(grid, grid, np.ma.masked_invalid(np.zeros((size, size))))[0]) == size
    gap = np.eye(5)
    gap[2, 3] = np.nan
    assert len(between_points(grid[:5], grid[:5], np.ma.masked_invalid(gap))[0]) == len(grid[:5])
