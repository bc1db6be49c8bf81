"""What a command has surveyed: its numbers, where it lies, and a picture of it."""

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lossatlas.figures import PICTURES, Style, drawn_in, picture, save, told, use
from lossatlas.runs.build import make


def show_surveyed(
    found: Mapping[str, xr.Dataset], paths: Mapping[str, Path | None], config: Mapping[str, Any]
) -> None:
    """Draw and print landscapes, each kept in the file of ``paths``; None: it lies between a run and itself.

    ``config`` is that of the job, whose ``figures`` say in which style.
    """
    style = make(config["figures"])
    for name, dataset in found.items():
        path = paths[name]
        assert path is not None
        print(f"{name}: {_in_numbers(dataset)}")
        print(f"  {path}")
        if dataset.attrs.get("survey") in PICTURES:
            print(f"  {_drawn(dataset, path, style)}")
    for name in paths.keys() - found.keys():
        print(f"{name}: lies between the run and itself")


def _drawn(dataset: xr.Dataset, path: Path, style: Style) -> Path | str:
    """Where the picture of a landscape lies, drawn if it is not there; or why there is none."""
    drawn = path.with_suffix(".png")
    with use(style):
        is_old = not drawn.exists() or drawn.stat().st_mtime < path.stat().st_mtime
        if not is_old and drawn_in(drawn) == told():
            return drawn
        try:
            save(picture(dataset), path.parent, path.stem)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            return f"no picture: {path.parent} is read-only; lossatlas export takes it elsewhere"
    return drawn


def _in_numbers(dataset: xr.Dataset) -> str:
    """One line that says what a landscape holds: the range of its losses, or its first numbers, or their ranges.

    >>> import xarray as xr
    >>> _in_numbers(xr.Dataset({"loss": (("split", "x"), [[2.0, 0.5, 3.0]])}, {"split": ["test"]}))
    'test loss 0.5 to 3'
    >>> _in_numbers(xr.Dataset({"trace": 5.5, "sample": ("probe", [4.0, 7.0])}))
    'trace 5.5, sample 4 to 7'
    """
    loss = dataset.get("loss")
    if loss is not None and "split" in loss.dims:
        named = {f"{split} loss": loss.sel(split=split) for split in dataset["split"].values}
    else:
        floats = {str(name): values for name, values in dataset.data_vars.items() if values.dtype.kind == "f"}
        named = dict(list(floats.items())[:4])
    return ", ".join(f"{name} {_range(values.values)}" for name, values in named.items())


def _range(values: np.ndarray) -> str:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "not finite"
    low, high = f"{finite.min():.4g}", f"{finite.max():.4g}"
    return low if low == high else f"{low} to {high}"
