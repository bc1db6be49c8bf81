"""The files are read as the scripts of Li et al. read them: numpy's meshgrid, and values by their names."""

from pathlib import Path

import h5py
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from lossatlas.export import from_hdf5, to_hdf5, write
from lossatlas.figures import picture


def values(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: np.array(file[name][:]) for name in file}


def test_rows_are_y_and_columns_x_as_their_meshgrid_has_them(surface: xr.Dataset, tmp_path: Path) -> None:
    (path,) = to_hdf5(surface, tmp_path / "surface.h5")
    read = values(path)
    x, y = np.meshgrid(read["xcoordinates"], read["ycoordinates"])
    np.testing.assert_allclose(read["train_loss"], 3 + x + 0.1 * np.exp(y), rtol=1e-15)
    np.testing.assert_allclose(read["test_loss"], 13 + x + 0.1 * np.exp(y), rtol=1e-15)
    figure, axis = plt.subplots()
    axis.contour(x, y, read["train_loss"])  # refuses what has another shape
    plt.close(figure)


def test_the_accuracy_is_in_percent(surface: xr.Dataset, tmp_path: Path) -> None:
    read = values(*to_hdf5(surface, tmp_path / "surface.h5"))
    np.testing.assert_allclose(read["train_acc"], 100 - 5 * read["train_loss"])
    np.testing.assert_allclose(read["test_acc"], 100 - 5 * read["test_loss"])


def test_the_order_of_the_dimensions_in_the_dataset_does_not_matter(
    surface: xr.Dataset, tmp_path: Path
) -> None:
    turned = surface.transpose("x", "split", "y")
    expected = values(*to_hdf5(surface, tmp_path / "surface.h5"))
    for name, found in values(*to_hdf5(turned, tmp_path / "turned.h5")).items():
        np.testing.assert_array_equal(found, expected[name])


def test_each_direction_has_a_file_with_its_number_as_their_repeats_have(
    line: xr.Dataset, tmp_path: Path
) -> None:
    paths = to_hdf5(line, tmp_path / "line.h5")
    assert [path.name for path in paths] == ["line_1.h5", "line_2.h5", "line_3.h5"]
    for number, path in enumerate(paths, start=1):
        read = values(path)
        assert set(read) == {"xcoordinates", "train_loss", "train_acc", "test_loss", "test_acc"}
        np.testing.assert_allclose(read["train_loss"], number * read["xcoordinates"] ** 2)


def test_a_path_is_a_line_over_t(tmp_path: Path) -> None:
    path = xr.Dataset(
        {"loss": (("split", "t"), [[1.0, 4.0, 2.0]])}, {"split": ["train"], "t": [0.0, 0.5, 1.0]}
    )
    read = values(*to_hdf5(path, tmp_path / "path.h5"))
    assert read["xcoordinates"].tolist() == [0.0, 0.5, 1.0]
    assert read["train_loss"].tolist() == [1.0, 4.0, 2.0]


def test_one_file_of_a_trajectory_is_their_surface_direction_and_projection_file(
    trajectory: xr.Dataset, tmp_path: Path
) -> None:
    read = values(*to_hdf5(trajectory, tmp_path / "trajectory.h5"))
    np.testing.assert_array_equal(read["proj_xcoord"], trajectory["path_x"])
    np.testing.assert_array_equal(read["proj_ycoord"], trajectory["path_y"])
    assert read["explained_variance_ratio_"][:2].tolist() == [0.7, 0.2]
    assert read["train_loss"].shape == (4, 5)


def test_a_convexity_map_has_their_names_for_the_eigenvalues(tmp_path: Path) -> None:
    maps = {"loss": 1.0, "lambda_min": -0.5, "lambda_max": 2.0}
    convexity = xr.Dataset(
        {name: (("y", "x"), np.full((2, 3), value)) for name, value in maps.items()},
        {"y": [0.0, 1.0], "x": [0.0, 1.0, 2.0]},
        {"survey": "convexity", "split": "test"},
    )
    read = values(*to_hdf5(convexity, tmp_path / "convexity.h5"))
    assert np.unique(np.abs(read["min_eig"] / read["max_eig"])).tolist() == [0.25]
    assert {"test_loss", "test_acc"} <= set(read)


def test_what_was_not_measured_is_minus_one_and_what_is_not_finite_stays(
    surface: xr.Dataset, tmp_path: Path
) -> None:
    surface["loss"][0, 1, 2] = np.nan
    surface["loss"][0, 3, 0] = np.inf
    read = values(*to_hdf5(surface.drop_vars("error"), tmp_path / "surface.h5"))
    assert (read["train_acc"] == -1).all()
    assert np.isnan(read["train_loss"][1, 2])
    assert np.isinf(read["train_loss"][3, 0])


def test_the_attributes_come_along(surface: xr.Dataset, tmp_path: Path) -> None:
    (path,) = to_hdf5(surface, tmp_path / "surface.h5")
    with h5py.File(path) as file:
        assert dict(file.attrs) == {"survey": "surface", "seed": 123, "normalize": "filter"}


def test_what_is_neither_a_line_nor_a_surface_is_refused(tmp_path: Path) -> None:
    spectrum = xr.Dataset({"density": ("eigenvalue", [1.0])}, attrs={"survey": "spectrum"})
    with pytest.raises(
        ValueError, match=r"no place in the layout of Li et al\. for a landscape without a loss"
    ):
        to_hdf5(spectrum, tmp_path / "spectrum.h5")
    assert not list(tmp_path.iterdir())


def test_a_sweep_of_surfaces_is_refused(surface: xr.Dataset, tmp_path: Path) -> None:
    sweep = surface.expand_dims(seed=[0, 1])
    with pytest.raises(ValueError, match=r"for a loss over seed, y, x; expected one over y, x or alpha or t"):
        to_hdf5(sweep, tmp_path / "surface.h5")


def theirs(path: Path, **entries: np.ndarray) -> Path:
    """As their scripts begin a file: coordinates, then what is given."""
    with h5py.File(path, "w") as file:
        file["dir_file"] = "resnet56_weights.h5"
        for name, given in entries.items():
            file[name] = given
    return path


def test_what_was_written_is_read_back(surface: xr.Dataset, line: xr.Dataset, tmp_path: Path) -> None:
    (path,) = to_hdf5(surface, tmp_path / "surface.h5")
    read = from_hdf5(path)
    xr.testing.assert_allclose(read, surface)
    assert read.attrs == {**surface.attrs, "not_measured": 0}
    for number, path in enumerate(to_hdf5(line, tmp_path / "line.h5")):
        xr.testing.assert_allclose(from_hdf5(path), line.isel(direction=number))


def test_a_trajectory_is_read_with_its_path(trajectory: xr.Dataset, tmp_path: Path) -> None:
    read = from_hdf5(*to_hdf5(trajectory, tmp_path / "t.h5"))
    xr.testing.assert_allclose(read, trajectory.drop_vars("path_loss"))


def test_an_oblong_surface_of_theirs_is_in_the_order_of_their_meshgrid(tmp_path: Path) -> None:
    """They allocate it as (x, y), and fill it in the order in which meshgrid(x, y) has its points."""
    x, y = np.linspace(-1, 1, 5), np.linspace(-2, 2, 3)
    mesh_x, mesh_y = np.meshgrid(x, y)
    losses = -np.ones((len(x), len(y)))
    for index, (a, b) in enumerate(zip(mesh_x.ravel(), mesh_y.ravel(), strict=True)):
        losses.ravel()[index] = 10 * a + b
    read = from_hdf5(theirs(tmp_path / "s.h5", xcoordinates=x, ycoordinates=y, train_loss=losses))
    for a in x:
        for b in y:
            assert float(read.loss.sel(split="train", x=a, y=b)) == pytest.approx(10 * a + b)
    assert (read.survey, read.convention) == ("surface", "li2018")
    picture(read)


def test_points_that_they_have_not_measured_are_gaps(tmp_path: Path) -> None:
    """An interrupted file: -1 in losses and accuracies, and in eigenvalues -1 and 1."""
    x = np.array([-1.0, 0.0, 1.0])
    grid = {"xcoordinates": x, "ycoordinates": x}
    losses, accuracies = (np.full((3, 3), value) for value in (2.0, 75.0))
    lowest, highest = (np.full((3, 3), value) for value in (-1.0, 10.0))
    for values, missing in ((losses, -1), (accuracies, -1), (lowest, 1), (highest, -1)):
        values[2, 1:] = missing
    entries = {"train_loss": losses, "train_acc": accuracies, "min_eig": lowest, "max_eig": highest}
    read = from_hdf5(theirs(tmp_path / "s.h5", **grid, **entries))
    gaps = np.zeros((3, 3), bool)
    gaps[2, 1:] = True
    for name, value in (
        ("loss", 2.0),
        ("error", 0.25),
        ("lambda_min", -1.0),
        ("lambda_max", 10.0),
        ("ratio", 0.1),
    ):
        np.testing.assert_array_equal(np.isnan(read[name].squeeze()), gaps)
        np.testing.assert_allclose(read[name].squeeze().values[~gaps], value)
    assert (read.not_measured, read.survey) == (2, "convexity")
    picture(read)


def test_a_file_of_theirs_becomes_any_other_format(tmp_path: Path) -> None:
    x = np.linspace(-1, 1, 4)
    entries = {"train_loss": np.arange(16.0).reshape(4, 4), "train_acc": -np.ones((4, 4))}
    read = from_hdf5(theirs(tmp_path / "s.h5", xcoordinates=x, ycoordinates=x, **entries))
    assert "error" not in read
    assert all(file.exists() for name in ("s.vtu", "s.csv") for file in write(read, tmp_path / name))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"train_loss": np.ones(2)}, "it has no xcoordinates"),
        ({"xcoordinates": np.ones(2)}, "it has no train_loss or test_loss"),
        (
            {"xcoordinates": np.ones(2), "ycoordinates": np.ones(3), "train_loss": np.ones(5)},
            "train_loss has 5 values, expected 3 x 2 by its coordinates",
        ),
    ],
)
def test_a_file_that_is_none_is_told(entries: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"s\.h5: no surface file \({message}\)"):
        from_hdf5(theirs(tmp_path / "s.h5", **entries))
    (tmp_path / "t.h5").write_text("no HDF5")
    with pytest.raises(ValueError, match=r"t\.h5: no surface file \("):
        from_hdf5(tmp_path / "t.h5")
