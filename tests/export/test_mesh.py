from pathlib import Path

import meshio
import numpy as np
import pytest
import xarray as xr

from lossatlas.export import to_vtk


@pytest.mark.parametrize("ending", [".vtu", ".vtk"])
def test_a_surface_is_read_back_point_for_point(surface: xr.Dataset, tmp_path: Path, ending: str) -> None:
    (path,) = to_vtk(surface, tmp_path / f"surface{ending}", ceiling=np.inf)
    mesh = meshio.read(path)
    x, y, z = mesh.points.T
    np.testing.assert_allclose(z, 3 + x + 0.1 * np.exp(y))
    assert set(mesh.point_data) == {"loss_train", "loss_test", "error_train", "error_test"}
    np.testing.assert_allclose(mesh.point_data["loss_test"], z + 10)
    np.testing.assert_allclose(mesh.point_data["error_train"], z / 20)


def test_the_quadrilaterals_tile_the_plane_and_face_up(surface: xr.Dataset, tmp_path: Path) -> None:
    mesh = meshio.read(*to_vtk(surface, tmp_path / "surface.vtu"))
    corners = mesh.points[mesh.cells_dict["quad"]][..., :2]  # (cells, 4, 2)
    assert len(corners) == 3 * 4
    x, y = corners[..., 0], corners[..., 1]
    areas = (x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1) / 2  # > 0: anticlockwise
    np.testing.assert_allclose(areas, (2 / 4) * (4 / 3))


def test_heights_are_cut_and_on_a_log_scale_as_asked_and_the_data_are_not(
    surface: xr.Dataset, tmp_path: Path
) -> None:
    cut = meshio.read(*to_vtk(surface, tmp_path / "cut.vtu", ceiling=3.5))
    np.testing.assert_allclose(cut.points[:, 2], np.minimum(cut.point_data["loss_train"], 3.5))
    assert cut.point_data["loss_train"].max() > 3.6
    log = meshio.read(*to_vtk(surface, tmp_path / "log.vtu", ceiling=3.5, log=True))
    np.testing.assert_allclose(log.points[:, 2], np.log(cut.points[:, 2] + 0.1))


def test_the_height_is_that_of_the_split_asked_for(surface: xr.Dataset, tmp_path: Path) -> None:
    mesh = meshio.read(*to_vtk(surface, tmp_path / "surface.vtu", split="test", ceiling=np.inf))
    np.testing.assert_allclose(mesh.points[:, 2], mesh.point_data["loss_test"])
    with pytest.raises(ValueError, match="unknown split 'tset', the landscape has train, test"):
        to_vtk(surface, tmp_path / "surface.vtu", split="tset")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_a_hole(surface: xr.Dataset, tmp_path: Path, value: float) -> None:
    surface["loss"][0, 1, 1] = value  # an inner point, corner of four quadrilaterals
    surface["loss"][0, 3, 4] = value  # a corner of the grid, of one
    mesh = meshio.read(*to_vtk(surface, tmp_path / "surface.vtu"))
    assert len(mesh.cells_dict["quad"]) == 12 - 4 - 1
    assert np.isfinite(mesh.points).all()
    gone = {(-0.5, Y1), (1.0, 2.0)}
    assert not gone & {(round(x, 6), round(y, 6)) for x, y, _ in mesh.points}


Y1 = round(-2 + 4 / 3, 6)


@pytest.mark.parametrize("which", ["one", "all"])
def test_losses_without_a_logarithm_are_named(surface: xr.Dataset, tmp_path: Path, which: str) -> None:
    """One would be a hole that nobody asked for, and all would leave nothing, though each is finite."""
    loss = surface["loss"].values
    loss[0] = {"one": np.where(loss[0] == loss[0].min(), -1.0, loss[0]), "all": loss[0] - 9.0}[which]
    with pytest.raises(
        ValueError, match=r"^losses are negative, -.* to .*, and have no logarithm: leave out"
    ):
        to_vtk(surface, tmp_path / "surface.vtu", log=True)
    mesh = meshio.read(*to_vtk(surface, tmp_path / "surface.vtu"))
    np.testing.assert_allclose(mesh.points[:, 2], loss[0].ravel())


@pytest.mark.parametrize(("shift", "ceiling"), [(0.0, 10.0), (4000.0, 10_000.0)])
def test_heights_are_cut_where_it_leaves_something_to_see(
    surface: xr.Dataset, tmp_path: Path, shift: float, ceiling: float
) -> None:
    loss = 1e4 * (surface["loss"] - 3) ** 2 + shift
    mesh = meshio.read(*to_vtk(surface.assign(loss=loss), tmp_path / "surface.vtu"))
    np.testing.assert_allclose(mesh.points[:, 2], np.minimum(loss.sel(split="train"), ceiling).values.ravel())
    assert np.ptp(mesh.points[:, 2]) > ceiling / 3


def test_a_ceiling_that_leaves_nothing_is_refused(surface: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^ceiling 1 does not lie above any loss, .*: the mesh would be flat"
    ):
        to_vtk(surface, tmp_path / "surface.vtu", ceiling=1.0)


def test_a_surface_of_nothing_but_nan_is_refused(surface: xr.Dataset, tmp_path: Path) -> None:
    nothing = surface.assign(loss=surface["loss"] * np.nan)
    with pytest.raises(ValueError, match="the loss is NaN or infinite almost everywhere"):
        to_vtk(nothing, tmp_path / "surface.vtu")


def test_a_map_without_splits_keeps_its_names(tmp_path: Path) -> None:
    values = {"loss": (("y", "x"), np.ones((2, 2))), "ratio": (("y", "x"), np.full((2, 2), 0.3))}
    convexity = xr.Dataset(values, {"y": [0.0, 1.0], "x": [0.0, 1.0]})
    mesh = meshio.read(*to_vtk(convexity, tmp_path / "convexity.vtu"))
    assert set(mesh.point_data) == {"loss", "ratio"}


def test_a_line_is_refused(line: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="no place in VTK for a loss over direction, alpha; expected one over y, x"
    ):
        to_vtk(line, tmp_path / "line.vtu")


def test_the_path_of_a_trajectory_is_a_line_at_the_height_of_its_snapshots(
    trajectory: xr.Dataset, tmp_path: Path
) -> None:
    surface, path = to_vtk(trajectory, tmp_path / "trajectory.vtu", split="test", ceiling=20.0)
    assert (surface.name, path.name) == ("trajectory.vtu", "trajectory-path.vtu")
    line = meshio.read(path)
    expected = np.stack([trajectory["path_x"], trajectory["path_y"], [20.0, 3.0, 2.0, 1.5]], axis=1)
    np.testing.assert_array_equal(line.points, expected)
    assert line.cells_dict["line"].tolist() == [[0, 1], [1, 2], [2, 3]]
    assert line.point_data["loss"].tolist() == [21.0, 3.0, 2.0, 1.5]
