"""Files of landscapes, which say themselves of which run, name and settings they are."""

from pathlib import Path

import xarray as xr

from lossatlas.netcdf import read_netcdf
from lossatlas.runs.store.manifest import StoreError


def about(path: Path, run: str) -> dict[str, str]:
    """Attributes of the landscape that is kept at ``path``, of the run with that fingerprint, by which it is known."""
    name, _, key = path.stem.rpartition("-")
    return {"run": run, "landscape": name, "key": key}


def open_landscape(path: Path, run: str | None = None) -> xr.Dataset:
    """Load a landscape into memory; that of ``run``, its fingerprint, only if it is what its place says.

    FileNotFoundError if there is none, `StoreError` if it is damaged, or another's. Older files do not say their key.
    """
    try:
        dataset = read_netcdf(path)
    except ValueError as error:
        raise StoreError(str(error)) from error
    for what, expected in about(path, run).items() if run is not None else ():
        if (told := str(dataset.attrs.get(what, expected))) != expected:
            raise StoreError(f"{path}: is in the place of another: its {what} is {told}, not {expected}")
    return dataset
