"""The HDF5 layout of the code of Li et al. 2018 (arXiv:1712.09913), for the scripts that read it."""

from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.export.layout import LINE, PATH, PLANE, axes
from lossatlas.files import replacing

_MISSING = -1.0  # there: a value that was not measured
_EIGENVALUES = {"min_eig": "lambda_min", "max_eig": "lambda_max"}
_PROJECTION = {
    "proj_xcoord": "path_x",
    "proj_ycoord": "path_y",
    "explained_variance_ratio_": "explained_variance_ratio",
}

Entries = dict[str, NDArray[Any]]


def to_hdf5(dataset: xr.Dataset, path: str | Path) -> list[Path]:
    """Write a line, path or surface as plot_1D.py, plot_2D.py and h52vtp.py of Li et al. read it.

    ``xcoordinates`` (n,), for a surface ``ycoordinates`` (m,), and for each split ``<split>_loss`` and
    ``<split>_acc``, the accuracy in percent, or -1 everywhere where no error was measured. NaN and infinite losses
    stay what they are: a -1 would be drawn as a loss. Arrays of a surface are (m, n): rows are y and columns x, as
    their scripts draw them over numpy's meshgrid(x, y). (They allocate them as (n, m), which is why surfaces of
    their own have to be square.)

    A map of eigenvalues also has ``min_eig`` and ``max_eig``; a trajectory ``proj_xcoord``, ``proj_ycoord`` and
    ``explained_variance_ratio_``, so that the one file serves as their surface, direction and projection file. The
    path is that of the nearest points of the plane.

    Several lines become several files, ``<stem>_1.h5`` and so on, as plot_1D.py takes them by their prefix.
    Returns the files. `NoPlaceError` for a landscape that is neither along a line nor over a plane.

    >>> from tempfile import TemporaryDirectory
    >>> line = xr.Dataset(
    ...     {"loss": (("split", "alpha"), [[1.0, 0.0]]), "error": (("split", "alpha"), [[0.75, 0.25]])},
    ...     {"split": ["train"], "alpha": [0.0, 1.0]},
    ... )
    >>> with TemporaryDirectory() as folder, h5py.File(*to_hdf5(line, f"{folder}/line.h5")) as file:
    ...     {name: values[:].tolist() for name, values in file.items()}
    {'train_acc': [25.0, 75.0], 'train_loss': [1.0, 0.0], 'xcoordinates': [0.0, 1.0]}
    """
    path = Path(path)
    parts = _parts(dataset)
    paths = (
        [path] if len(parts) == 1 else [path.with_stem(f"{path.stem}_{n}") for n in range(1, len(parts) + 1)]
    )
    for target, part in zip(paths, parts, strict=True):
        content = BytesIO()  # HDF5 itself brings the process down when the disk is full
        with h5py.File(content, "w") as file:
            for name, values in _entries(part).items():
                file[name] = values
            file.attrs.update(dataset.attrs)
        with replacing(target) as temporary:
            temporary.write_bytes(content.getvalue())
    return paths


def _parts(dataset: xr.Dataset) -> list[xr.Dataset]:
    """One dataset for each line."""
    if "direction" not in dataset.dims:
        return [dataset]
    return [dataset.isel(direction=n) for n in range(dataset.sizes["direction"])]


def _entries(part: xr.Dataset) -> Entries:
    dims = axes(part, "the layout of Li et al.", [PLANE, LINE, PATH])
    entries: Entries = {"xcoordinates": part[dims[-1]].values}
    if len(dims) == 2:
        entries["ycoordinates"] = part[dims[0]].values
    for name, loss, error in _by_split(part):
        entries[f"{name}_loss"] = loss.transpose(*dims).values
        missing = np.full(entries[f"{name}_loss"].shape, _MISSING)
        entries[f"{name}_acc"] = missing if error is None else 100 * (1 - error.transpose(*dims).values)
    return entries | _further(part)


def _by_split(part: xr.Dataset) -> list[tuple[str, xr.DataArray, xr.DataArray | None]]:
    """Name of each split, its loss, and its error if there is one."""
    loss, error = part["loss"], part.get("error")
    if "split" not in loss.dims:
        return [(str(part.attrs.get("split", "train")), loss, error)]
    return [
        (str(split), loss.sel(split=split), None if error is None else error.sel(split=split))
        for split in part["split"].values
    ]


def _further(part: xr.Dataset) -> Entries:
    """What stands in further files there: eigenvalues of a map, and the projected path of a trajectory."""
    return {
        there: part[here].values for there, here in {**_EIGENVALUES, **_PROJECTION}.items() if here in part
    }
