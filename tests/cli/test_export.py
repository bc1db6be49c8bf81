"""`lossatlas export`: landscapes of a run, or files, in the formats of other programs."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import h5py
import meshio
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from typed import TINY, type_here

SURVEYS = (
    *("landscape=[line,surface,weights]", "landscape.line.points=3", "landscape.line.directions=2"),
    "landscape.surface.points=3",
)


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("surveyed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for seed in (0, 1):
            assert type_here("train", *TINY, *SURVEYS, f"seed={seed}").status == 0
    return folder


@pytest.fixture
def runs(surveyed: Path, folder: Path) -> list[Path]:
    """Two runs in the test's own store."""
    shutil.copytree(surveyed / "runs", folder / "runs")
    return sorted(Path("runs").iterdir())


def landscape(run: Path, name: str) -> str:
    (path,) = run.glob(f"landscapes/{name}-*.nc")
    return str(path)


def exported(*arguments: str) -> list[Path]:
    """Files that the command says it has written."""
    answer = type_here("export", *arguments)
    assert (answer.status, answer.err) == (0, "")
    return [Path(line) for line in answer.out.splitlines()]


def complaint(*arguments: str) -> str:
    answer = type_here("export", *arguments)
    assert answer.status == 1
    return answer.complaint


def test_a_surface_becomes_a_file_beside_it_in_each_format(runs: list[Path]) -> None:
    file = landscape(runs[0], "surface")
    loss = xr.load_dataset(file).loss.sel(split="train")
    (hdf5,) = exported(file, "--to", "hdf5")
    assert hdf5 == Path(file).with_suffix(".h5")
    np.testing.assert_array_equal(h5py.File(hdf5)["train_loss"][:], loss)
    (vtk,) = exported(file, "--to", "vtk")
    np.testing.assert_array_equal(meshio.read(vtk).point_data["loss_train"], loss.values.ravel())
    (csv,) = exported(file, "--to", "csv")
    assert len(pd.read_csv(csv)) == 2 * 9


def test_the_ending_of_the_output_says_the_format_and_options_reach_it(runs: list[Path]) -> None:
    file = landscape(runs[0], "surface")
    (path,) = exported(file, "--output", "here/mine.vtk", "--split", "test", "--ceiling", "1.5", "--log")
    mesh = meshio.read(path)
    cut = np.minimum(mesh.point_data["loss_test"], 1.5)
    np.testing.assert_allclose(mesh.points[:, 2], np.log(cut + 0.1))


def test_all_landscapes_of_a_run_are_written_into_a_folder(runs: list[Path]) -> None:
    for name in (runs[0].name[:6], str(runs[0])):  # a fingerprint's beginning, and a folder
        files = exported(name, "--to", "csv", "--output", f"tables-{len(name)}")
        assert [path.name.split("-")[0] for path in files] == ["line", "surface", "weights", "weights"]
        assert all(path.parent == Path(f"tables-{len(name)}") for path in files)


def test_landscapes_of_one_name_of_two_runs_do_not_overwrite_each_other(runs: list[Path]) -> None:
    files = exported(*map(str, runs), "--to", "csv", "--output", "tables")
    assert len({path.name for path in files}) == len(files) == 8
    assert {path.name.split("-")[0] for path in files} == {run.name for run in runs}


def test_of_a_run_what_a_format_has_no_place_for_is_named_and_left_out(runs: list[Path]) -> None:
    answer = type_here("export", str(runs[0]), "--to", "vtk")
    assert answer.status == 0
    assert [Path(line).name.split("-")[0] for line in answer.out.splitlines()] == ["surface"]
    assert answer.err == "left out, for which there is no place in .vtu: line, weights\n"
    file = landscape(runs[0], "line")
    assert complaint(file, "--to", "vtk").startswith(
        f"{file}: no place in VTK for a loss over direction, alpha"
    )


def test_bad_input_is_answered_in_one_line(runs: list[Path]) -> None:
    weights, surface = (landscape(runs[0], name) for name in ("weights", "surface"))
    assert complaint(weights, "--to", "hdf5").startswith(
        f"{weights}: no place in the layout of Li et al. for a "
    )
    assert complaint("nowhere", "--to", "csv") == "nowhere: no such file, nor a run in runs/"
    assert complaint(surface, weights, "--output", "a.csv").startswith(
        "a.csv: one file for several landscapes"
    )
    assert complaint(surface, "--output", "folder") == (
        "folder: a folder says no format; --to is missing, one of hdf5, vtk, csv"
    )
    assert (
        complaint(surface, "--to", "csv", "--output", "a.vtu") == "a.vtu: its ending is not one of --to csv"
    )
    assert complaint(surface, "--to", "csv", "--log") == (
        f"{surface}: no option 'log' for .csv, which takes none"
    )
    Path("empty").mkdir()
    assert complaint("empty", "--to", "csv") == "empty: no landscape there"
    Path("bad.nc").write_text("nothing")
    assert complaint("bad.nc", "--to", "csv").startswith("bad.nc: damaged, or not netCDF (")


def test_without_a_format_the_usage_is_shown(runs: list[Path]) -> None:
    answer = type_here("export", landscape(runs[0], "surface"))
    assert answer.status == 2
    assert answer.err.splitlines()[-1] == "lossatlas export: error: --to is missing: one of hdf5, vtk, csv"


def test_a_surface_file_of_li_et_al_becomes_a_mesh(folder: Path) -> None:
    """Whatever was measured there; a file that is none is told in one line."""
    x = np.linspace(-1, 1, 4)
    with h5py.File("theirs.h5", "w") as file:
        file["xcoordinates"], file["ycoordinates"], file["train_loss"] = x, x, np.ones((4, 4))
    assert type_here("export", "theirs.h5", "--to", "vtk").status == 0
    assert len(meshio.read("theirs.vtu").points) == 16
    Path("other.h5").write_text("no HDF5")
    answer = type_here("export", "other.h5", "--to", "vtk")
    assert answer.status != 0
    assert "other.h5: no surface file" in answer.err
