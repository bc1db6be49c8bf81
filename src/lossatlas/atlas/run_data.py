"""What is drawn of a run in the reader's browser: its history, and landscapes that are lines or surfaces."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from lossatlas.measures.ceiling import fitting_ceiling
from lossatlas.runs.store.landscape_files import open_landscape
from lossatlas.runs.store.store import Run

_HISTORY = ("loss", "error", "lr", "weight_norm")
"""Columns of a history that are shown, whatever stands before them: train_loss, test_error."""

_ALONG = ("t", "alpha")
"""Coordinates of a line, a path or an interpolation."""

_DIGITS = 5
"""Significant digits of what is drawn."""


def history_of(run: Run) -> dict[str, list[float | None]]:
    """Columns of the run's history that are shown; empty if there is none that can be read."""
    try:
        table = run.history()
    except (OSError, ValueError):
        return {}
    shown = [
        name for name in table.columns if name == "epoch" or (name.endswith(_HISTORY) and "/" not in name)
    ]
    return {name: numbers(table[name]) for name in shown if table[name].notna().any()}


def landscapes_of(run: Run) -> Iterator[dict[str, Any]]:
    """What is known of each landscape that a run has, and what is drawn of it; a file that is damaged says so."""
    for file in sorted(run.landscapes.glob("*.nc")):
        told: dict[str, Any] = {"name": file.stem.rpartition("-")[0], "file": file.name, "kind": "other"}
        try:
            told["survey"], sizes = _outline(file)
            if {"y", "x"} <= sizes.keys() <= {"split", "y", "x"}:
                told |= _surface(open_landscape(file, run.fingerprint))
            elif len(along := [name for name in _ALONG if name in sizes]) == 1 and len(sizes) <= 3:
                told |= _lines(open_landscape(file, run.fingerprint), along[0])
        except (OSError, ValueError, KeyError) as error:  # `StoreError` is a ValueError
            told |= {"kind": "damaged", "survey": "", "problem": " ".join(str(error).split())}
        yield told


def _outline(file: Path) -> tuple[str, dict[str, int]]:
    """The survey of a landscape, and the sizes of its loss; none if it measures no loss."""
    with h5py.File(file) as content:
        survey = content.attrs.get("survey", "")
        loss = content.get("loss")
        names = (
            []
            if not isinstance(loss, h5py.Dataset)
            else [_dimension(loss, axis) for axis in range(loss.ndim)]
        )
        sizes = dict(zip(names, loss.shape, strict=True)) if names else {}
    return str(survey.decode() if isinstance(survey, bytes) else survey), sizes


def _dimension(loss: h5py.Dataset, axis: int) -> str:
    scales = loss.dims[axis]
    return str(scales[0].name).lstrip("/") if len(scales) else f"axis {axis}"


def _surface(landscape: xr.Dataset) -> dict[str, Any]:
    loss = _of_split(landscape["loss"]).transpose("y", "x")
    lowest = loss.where(np.isfinite(loss)).min()
    return {
        "kind": "surface",
        "split": str(loss.coords["split"].item()) if "split" in loss.coords else "",
        "x": numbers(loss["x"]),
        "y": numbers(loss["y"]),
        "z": [numbers(row) for row in loss.values],
        "ceiling": fitting_ceiling(loss),
        "words": f"loss over a plane, {loss.sizes['x']} x {loss.sizes['y']} points, lowest {float(lowest):.3g}",
        "networks": _networks(landscape),
    }


def _networks(landscape: xr.Dataset) -> dict[str, list[float | None]]:
    """Networks beside the grid, at the height of their own losses; empty where there are none."""
    for name in ("path", "point"):
        if {f"{name}_x", f"{name}_y", f"{name}_loss"} <= landscape.keys():
            heights = _of_split(landscape[f"{name}_loss"])
            return {
                "x": numbers(landscape[f"{name}_x"]),
                "y": numbers(landscape[f"{name}_y"]),
                "z": numbers(heights),
            }
    return {}


def _of_split(values: xr.DataArray) -> xr.DataArray:
    if "split" not in values.dims:
        return values
    known = [str(name) for name in values["split"].values]
    return values.sel(split="train" if "train" in known else known[0])


def _lines(landscape: xr.Dataset, along: str) -> dict[str, Any]:
    """Loss along a line, a curve for each split; over several directions the median."""
    loss = landscape["loss"]
    others = [dim for dim in loss.dims if dim not in (along, "split")]
    loss = loss.median(others) if others else loss
    splits = [str(name) for name in loss["split"].values] if "split" in loss.dims else [""]
    curves = {split: numbers(loss.sel(split=split) if split else loss) for split in splits}
    over = f", median over {others[0]}" if others else ""
    return {
        "kind": "line",
        "along": along,
        "x": numbers(landscape[along]),
        "curves": curves,
        "words": f"loss along {along}, {landscape.sizes[along]} points{over}",
    }


def numbers(values: Any) -> list[float | None]:
    """Values as JSON has them, to a few digits; None for what is not finite.

    >>> numbers([1.0, float("nan"), 0.123456789])
    [1.0, None, 0.12346]
    """
    return [float(f"{v:.{_DIGITS}g}") if np.isfinite(v) else None for v in np.asarray(values, float).ravel()]
