"""The numbers of a run that can be compared: metrics of the trained network, and what its landscapes come to."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lossatlas.runs.store.landscape_files import open_landscape
from lossatlas.runs.store.store import Run, StoreError

SPLIT = "split"
REPLICATES = ("direction", "probe")
"""Dimensions of a landscape whose values are repetitions, of which the mean counts."""

_MOST = 12  # labelled values of a variable that are numbers of their own; more are a curve, or a map
_MOST_PLACES = 4  # along a dimension of real numbers, such as levels
_ABOUT_THE_MEASUREMENT = ("standard_error", "residual", "products", "converged", "index", "integral")
_PLACES = (("alpha",), ("t",), ("y", "x"))  # dimensions of lines and planes that losses lie over


def landscapes_of(runs: Sequence[Run]) -> tuple[list[dict[str, xr.Dataset]], list[str]]:
    """The landscapes of each run by name, and what is wrong with files that are left out.

    Where a run has several of one name, that counts whose settings most of the runs have, else the newest.
    """
    files = [sorted(run.landscapes.glob("*.nc"), key=_written) for run in runs]
    times = Counter(path.stem for of_run in files for path in of_run)
    found: list[dict[str, xr.Dataset]] = []
    problems = []
    for run, paths in zip(runs, files, strict=True):
        found.append({})
        for path in sorted(
            paths, key=lambda path: times[path.stem]
        ):  # the last counts; equals stay by their age
            try:
                found[-1][path.stem.rpartition("-")[0]] = open_landscape(path, run.fingerprint)
            except (StoreError, FileNotFoundError) as error:
                problems.append(" ".join(str(error).split()))
    return found, problems


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns


def numbers_of_landscapes(landscapes: Mapping[str, xr.Dataset]) -> dict[str, float]:
    """What landscapes come to in numbers, by the name of the landscape, the variable and the labels.

    A variable of few labels gives a number for each; a loss along a line or over a plane its mean and its maximum over
    the points. Directions and probes are averaged.

    >>> trace = xr.Dataset({"trace": (("split", "probe"), [[1.0, 3.0]])}, {"split": ["train"]})
    >>> line = xr.Dataset({"loss": (("split", "alpha"), [[1.0, 0.0, 5.0]])}, {"split": ["train"]})
    >>> numbers_of_landscapes({"trace": trace, "line": line})
    {'trace: trace, train': 2.0, 'line: mean loss, train': 2.0, 'line: maximum loss, train': 5.0}
    """
    return {
        f"{name}: {what}": value
        for name, dataset in landscapes.items()
        for what, value in (*_labelled(dataset), *_of_losses(dataset))
    }


def _labelled(dataset: xr.Dataset) -> Iterator[tuple[str, float]]:
    for name, variable in dataset.data_vars.items():
        if variable.dtype.kind != "f" or any(part in str(name) for part in _ABOUT_THE_MEASUREMENT):
            continue
        values = _averaged(variable)
        labels = [_labels(values, str(dim)) for dim in values.dims]
        if any(of_dim is None for of_dim in labels) or values.size > _MOST:
            continue
        for place in product(*(range(size) for size in values.shape)):
            told = [of_dim[number] for of_dim, number in zip(labels, place, strict=True) if of_dim]
            yield ", ".join([str(name).replace("_", " "), *told]), float(values.values[place])


def _labels(values: xr.DataArray, dim: str) -> list[str] | None:
    """What the places along a dimension are called; None for one that is measured along, or has no names."""
    if (dim,) in _PLACES or dim in ("x", "y") or dim not in values.coords:
        return None
    known = values[dim].values
    if known.dtype.kind == "f" and len(known) > _MOST_PLACES:
        return None
    return [_label(dim, value) for value in known.tolist()]


def _label(dim: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{dim.replace('_', ' ')} {f'{value:g}' if isinstance(value, float) else value}"


def _of_losses(dataset: xr.Dataset) -> Iterator[tuple[str, float]]:
    loss = dataset.get("loss")
    if loss is None:
        return
    loss = _averaged(loss)
    splits = loss[SPLIT].values.tolist() if SPLIT in loss.coords else [None]
    for kind in ("mean", "maximum"):
        for split in splits:
            values = loss if split is None else loss.sel({SPLIT: split})
            if not any(set(values.dims) == set(places) for places in _PLACES):
                continue
            number = float(np.mean(values.values) if kind == "mean" else np.max(values.values))
            yield f"{kind} loss{f', {split}' if split else ''}", number


def _averaged(values: xr.DataArray) -> xr.DataArray:
    return values.mean([dim for dim in REPLICATES if dim in values.dims], skipna=False)
