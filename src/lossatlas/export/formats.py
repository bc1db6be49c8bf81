"""Which function writes which kind of file."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from lossatlas.export.li2018 import to_hdf5
from lossatlas.export.mesh import to_vtk
from lossatlas.export.table import to_csv

_Writer = Callable[..., list[Path]]
"""Writes a dataset to a path, with options of its own, and returns the files that it wrote."""

ENDINGS: dict[str, str] = {"hdf5": ".h5", "vtk": ".vtu", "csv": ".csv"}  # by the format's name

WRITERS: dict[str, _Writer] = {  # by the ending of the file
    ".h5": to_hdf5,
    ".hdf5": to_hdf5,
    ".vtu": to_vtk,
    ".vtk": to_vtk,
    ".csv": to_csv,
}


def write(dataset: xr.Dataset, path: str | Path, **options: Any) -> list[Path]:
    """Write ``dataset`` in the format that the ending of ``path`` names, and return the files that were written.

    ``options`` are those of `to_hdf5`, `to_vtk` or `to_csv`. ValueError for another ending, or for an option that the
    format does not have; `NoPlaceError`, which is one too, for a landscape that it has no place for.

    >>> write(xr.Dataset(), "landscape.xlsx")
    Traceback (most recent call last):
    ValueError: landscape.xlsx: no format for '.xlsx', expected one of .h5, .hdf5, .vtu, .vtk, .csv
    """
    path = Path(path)
    if path.suffix not in WRITERS:
        raise ValueError(f"{path}: no format for {path.suffix!r}, expected one of {', '.join(WRITERS)}")
    writer = WRITERS[path.suffix]
    known = list(inspect.signature(writer).parameters)[2:]  # after the dataset and the path
    for option in options:
        if option not in known:
            takes = f"takes {', '.join(known)}" if known else "takes none"
            raise ValueError(f"no option {option!r} for {path.suffix}, which {takes}")
    return writer(dataset, path, **options)
