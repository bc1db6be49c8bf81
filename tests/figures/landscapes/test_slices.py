import numpy as np
import pytest
import xarray as xr
from looking import points, texts

from lossatlas.figures import picture
from lossatlas.figures.style import ERROR


@pytest.mark.parametrize("survey", ["surface", "plane", "trajectory"])
def test_a_surface_has_a_panel_a_split(landscapes: dict[str, xr.Dataset], survey: str) -> None:
    titles = [axis.get_title() for axis in picture(landscapes[survey]).axes]
    assert titles == ["train loss", "test loss"]


def test_the_line_drawn_is_the_median_over_directions(landscapes: dict[str, xr.Dataset]) -> None:
    drawn = picture(landscapes["line"]).axes[0].lines[0]
    expected = landscapes["line"]["loss"].sel(split="train").median("direction")
    np.testing.assert_allclose(drawn.get_ydata(), expected)


def test_a_trajectory_is_drawn_over_the_contours_with_the_share_of_each_component(
    landscapes: dict[str, xr.Dataset],
) -> None:
    landscape = landscapes["trajectory"]
    axis = picture(landscape).axes[0]
    np.testing.assert_array_equal(points(axis, ERROR), np.stack([landscape.path_x, landscape.path_y], axis=1))
    share = landscape.explained_variance_ratio.values
    assert axis.get_xlabel() == f"1st component: {100 * share[0]:.1f} % of the variance"
    assert axis.get_ylabel() == f"2nd component: {100 * share[1]:.1f} %"
    assert {"0", "5"} <= set(texts(axis))  # first and last snapshot


def with_measured(surface: xr.Dataset, share: list[tuple[int, int]]) -> xr.Dataset:
    measured = np.zeros((surface.sizes["y"], surface.sizes["x"]))
    for row, column in share:
        measured[row, column] = 1
    return surface.assign(measured=(("y", "x"), measured))


def test_where_a_surface_was_measured_is_marked_if_it_is_at_few_points(
    landscapes: dict[str, xr.Dataset],
) -> None:
    surface = landscapes["surface"]
    axis = picture(with_measured(surface, [(0, 0), (1, 3)])).axes[0]
    (dots,) = [line for line in axis.lines if line.get_marker() == "."]
    assert list(dots.get_xdata()) == [surface.x[0], surface.x[3]]
    assert list(dots.get_ydata()) == [surface.y[0], surface.y[1]]
    everywhere = [(row, column) for row in range(7) for column in range(7)]
    assert len(picture(with_measured(surface, everywhere)).axes[0].lines) == len(
        picture(surface).axes[0].lines
    )
