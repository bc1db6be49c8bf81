"""Datasets as netCDF files in which no bit changes without a word."""

import hashlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import xarray as xr

from lossatlas.files import replacing

DIGEST = "content_sha256"
"""Attribute of a file: SHA-256 of its dimensions, and of the names, values and attributes of all that it holds."""


def write_netcdf(dataset: xr.Dataset, path: Path) -> None:
    """Write ``dataset`` to ``path``, whole or not at all, with its `DIGEST`."""
    checked = {name: {"fletcher32": True} for name, part in dataset.variables.items() if _is_chunked(part)}
    # By way of memory: HDF5 itself brings the process down when the disk is full.
    content = BytesIO(dataset.to_netcdf(engine="h5netcdf", encoding=checked))
    with h5netcdf.File(content, "r+") as file:
        file.attrs[DIGEST] = _digest(file)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def _is_chunked(part: xr.Variable) -> bool:
    """Whether HDF5 can keep checksums of its chunks, of which other readers than ours hear: not of text."""
    return part.ndim > 0 and part.size > 0 and part.dtype.kind in "biufcmM"


def read_netcdf(path: Path) -> xr.Dataset:
    """Load the dataset of a file into memory, without its `DIGEST`; files of others, and older ones, have none.

    FileNotFoundError if there is none, else ValueError if it is damaged, or keeps a part of itself in another file.
    """
    try:
        with h5py.File(path) as content:
            _check_self_contained(content)
            with h5netcdf.File(content) as file:
                if (expected := file.attrs.get(DIGEST)) is not None and expected != _digest(file):
                    raise ValueError("its checksum is wrong")
        dataset = xr.load_dataset(path, engine="h5netcdf")
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever HDF5 makes of foreign bytes
        raise ValueError(f"{path}: damaged, or not netCDF ({error})") from error
    dataset.attrs.pop(DIGEST, None)
    return dataset


def _digest(file: h5netcdf.File) -> str:
    """That of what a reader is given, whatever the layout of the bytes: an older file that is copied keeps its own."""
    digest = hashlib.sha256(
        repr(sorted((name, part.size) for name, part in file.dimensions.items())).encode()
    )
    digest.update(_told(file.attrs))
    for name in sorted(file.variables):
        variable = file.variables[name]
        values = np.asarray(variable[...])
        digest.update(repr((name, variable.dimensions, values.dtype.str, values.shape)).encode())
        digest.update(_told(variable.attrs))
        digest.update(repr(values.tolist()).encode() if values.dtype.kind == "O" else values.tobytes())
    return digest.hexdigest()


def _told(attributes: Mapping[str, Any]) -> bytes:
    told = {name: np.asarray(value) for name, value in attributes.items() if name != DIGEST}
    return repr(sorted((name, value.dtype.str, value.tolist()) for name, value in told.items())).encode()


def _check_self_contained(group: h5py.Group) -> None:
    """ValueError for a link or a dataset of which the content lies in another file, which HDF5 would read."""
    for name in group:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise ValueError(f"{name} lies in another file, {link.filename}")
        part = group[name]
        if isinstance(part, h5py.Group):
            _check_self_contained(part)
        elif isinstance(part, h5py.Dataset) and (part.external or part.is_virtual):
            raise ValueError(f"{name} lies in another file")
