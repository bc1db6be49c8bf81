"""What is drawn of landscapes, from made-up files."""

from pathlib import Path

import numpy as np
import xarray as xr

from lossatlas.atlas.run_data import landscapes_of
from lossatlas.netcdf import write_netcdf
from lossatlas.runs.store.store import Run

X, Y = [-1.0, 0.0, 1.0], [0.0, 2.0]


def written(folder: Path, name: str, dataset: xr.Dataset) -> Run:
    run = Run(folder / "0123456789abcdef")
    run.landscapes.mkdir(parents=True, exist_ok=True)
    write_netcdf(
        dataset.assign_attrs(run=run.fingerprint, landscape=name), run.landscapes / f"{name}-00ff.nc"
    )
    return run


def surface() -> xr.Dataset:
    """Oblong, of two splits, with a hole."""
    loss = np.array([[[9.0, 9, 9], [9, 9, 9]], [[1.0, 2, 3], [4, np.inf, 6]]])
    return xr.Dataset(
        {"loss": (("split", "y", "x"), loss)},
        {"split": ["test", "train"], "y": Y, "x": X},
        {"survey": "surface"},
    )


def test_a_surface_is_that_of_the_training_split_row_by_row(tmp_path: Path) -> None:
    (told,) = landscapes_of(written(tmp_path, "surface", surface()))
    assert (told["kind"], told["survey"], told["split"]) == ("surface", "surface", "train")
    assert (told["x"], told["y"]) == (X, Y)
    assert told["z"] == [[1.0, 2.0, 3.0], [4.0, None, 6.0]]
    assert "lowest 1" in told["words"]


def test_a_line_is_the_median_over_its_directions_for_each_split(tmp_path: Path) -> None:
    loss = np.array([[[1.0, 0, 1], [3, 0, 3], [20, 0, 20]]])
    line = xr.Dataset(
        {"loss": (("split", "direction", "alpha"), loss)},
        {"split": ["train"], "alpha": X},
        {"survey": "line"},
    )
    (told,) = landscapes_of(written(tmp_path, "line", line))
    assert (told["kind"], told["along"]) == ("line", "alpha")
    assert told["curves"] == {"train": [3.0, 0.0, 3.0]}


def test_what_is_neither_is_named_only(tmp_path: Path) -> None:
    spectrum = xr.Dataset({"density": ("point", [1.0, 2.0])}, attrs={"survey": "spectrum"})
    (told,) = landscapes_of(written(tmp_path, "spectrum", spectrum))
    assert (told["kind"], told["name"], told["survey"]) == ("other", "spectrum", "spectrum")


def test_a_file_that_is_damaged_or_another_run_s_says_so(tmp_path: Path) -> None:
    run = written(tmp_path, "surface", surface().assign_attrs(key="beef"))
    (run.landscapes / "line-00aa.nc").write_bytes(b"no HDF5")
    line, misplaced = landscapes_of(run)
    assert (line["kind"], misplaced["kind"]) == ("damaged", "damaged")
    assert "in the place of another" in misplaced["problem"]
