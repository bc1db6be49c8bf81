import numpy as np
import pytest
import xarray as xr
from looking import assert_nothing_overlaps, drawn_bytes, lines_of, panels_of, words
from matplotlib.axes import Axes

from lossatlas.figures.experiments import trajectories
from lossatlas.figures.style import DROP, ERROR

Sweep = dict[str, xr.Dataset]


def draw(datasets: Sweep, **options):
    return trajectories(datasets, rows="skip", columns="depth", **options)


def points(axis: Axes, color: str) -> np.ndarray:
    (line,) = [line for line in axis.lines if line.get_color() == color]
    return np.column_stack([np.asarray(line.get_xdata()), np.asarray(line.get_ydata())])


@pytest.mark.filterwarnings("error")
def test_each_panel_has_its_own_path_plane_and_shares_of_the_variance(depths: Sweep) -> None:
    page = draw(depths)
    way = depths["trajectory"].sel(skip=True, depth=56, seed=0)
    axis = panels_of(page)[1]
    np.testing.assert_array_equal(points(axis, ERROR), np.column_stack([way.path_x, way.path_y]))
    first, second, _ = 100 * way.explained_variance_ratio.values
    assert axis.get_xlabel().startswith(f"1st component: {first:.1f} % of the variance\ntest error ")
    assert axis.get_ylabel() == f"2nd component: {second:.1f} %"
    assert axis.get_xlim() == (-4, 28)  # the plane's own values, not their numbers
    assert_nothing_overlaps(page)


def test_contours_lie_on_the_plane_of_the_path(depths: Sweep) -> None:
    axis = panels_of(draw(depths))[0]
    lines = lines_of(axis)
    level = 4
    x, y = lines.get_paths()[level].vertices.T
    expected = 0.05 + (x**2 + 10 * (y - 0.1 * x) ** 2) / 60  # as the factory makes it
    np.testing.assert_allclose(expected, lines.levels[level], atol=0.25)


@pytest.mark.filterwarnings("error")
def test_rate_drops_are_marked_where_the_path_was_then(depths: Sweep) -> None:
    page = draw(depths, drops=[2, 4.5, 300])
    way = depths["trajectory"].sel(skip=True, depth=20, seed=0)
    axis = panels_of(page)[0]
    between = (way.sel(snapshot=4) + way.sel(snapshot=5)) / 2
    expected = [[way.path_x[2], way.path_y[2]], [between.path_x, between.path_y]]
    np.testing.assert_allclose(points(axis, DROP), expected)
    assert {"2", "4.5"} <= set(words(axis))  # nothing of an epoch beyond the path
    assert "after epochs 2, 4.5 and 300" in " ".join(" ".join(words(page)).split())


def test_the_epochs_of_the_snapshots_count_not_their_number(depths: Sweep) -> None:
    depths["trajectory"] = depths["trajectory"].assign_coords(snapshot=10 * np.arange(13))
    axis = panels_of(draw(depths, drops=[30]))[0]
    way = depths["trajectory"].sel(skip=True, depth=20, seed=0, snapshot=30)
    np.testing.assert_allclose(points(axis, DROP), [[way.path_x, way.path_y]])


def test_drops_at_one_place_share_a_label(depths: Sweep) -> None:
    depths["trajectory"]["path_x"].values[..., 8:] = 0.0
    depths["trajectory"]["path_y"].values[..., 8:] = 0.0
    assert {"2", "9, 11"} <= set(words(panels_of(draw(depths, drops=[2, 9, 11]))[0]))


@pytest.mark.filterwarnings("error")
def test_losses_beyond_float_range_and_networks_without_a_path_are_told(depths: Sweep) -> None:
    trajectory = depths["trajectory"].transpose("skip", "depth", "seed", "split", "y", "x", ...)
    trajectory["loss"].values[0, 0, :, :, 0] = np.inf
    depths["trajectory"] = trajectory.where(trajectory.depth != 110)
    page = draw(depths, drops=[2])
    assert "grey: beyond float range,\n15 of 225 points" in words(panels_of(page)[0])
    assert "not surveyed" in words(panels_of(page)[2])
    assert_nothing_overlaps(page)


def test_it_is_drawn_twice_to_the_same_bytes(depths: Sweep) -> None:
    assert drawn_bytes(draw(depths, drops=[3])) == drawn_bytes(draw(depths, drops=[3]))
