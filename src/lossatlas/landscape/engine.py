"""The engine: loss and error of a network at any sequence of points in weight space."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from lossatlas import __version__
from lossatlas.landscape.bench import Bench, opened
from lossatlas.landscape.grid import Points
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.visit import Progress, visit
from lossatlas.landscape.weight_space import state, weights_digest

_MEANINGS = {
    "loss": "mean loss over the split",
    "error": "share of the split that is misclassified",
}


def evaluate(
    problem: Problem,
    points: Points,
    *,
    splits: Sequence[str] | None = None,
    batch_size: int | None = None,
    journal: str | Path | None = None,
    progress: Progress | None = None,
    attributes: Mapping[str, str | int | float] | None = None,
) -> xr.Dataset:
    """Measure loss, and error where the targets are classes, at each of ``points`` on each of ``splits``.

    The network is in evaluation mode with its present statistics, unless the points overwrite those too;
    losses are exact over the whole split, unaugmented, to float32 rounding. NaN and infinite losses are kept
    as such. The network is left as it was, whatever happens.

    ``journal`` is a file that keeps finished points, so that a survey that was interrupted goes on from them
    and ends with the same bits; see `Journal`. ``attributes`` describe the survey in the dataset. Returns the
    dimensions of the points' axes, then split. ValueError as `opened` raises it, or if the points are not of
    this network.

    >>> from lossatlas.landscape import Line, parameters
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> _ = model.weight.data.fill_(1.0)
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (torch.ones(4, 1), torch.ones(4, 1))})
    >>> line = Line(parameters(model), {"weight": torch.tensor([[2.0]])})
    >>> evaluate(problem, line.grid(3)).loss.sel(split="train").values  # (2 alpha)**2
    array([4., 0., 4.])
    """
    with opened(problem, splits=splits, batch_size=batch_size) as bench:
        described = {**(attributes or {}), **settings(bench)}

        def measure(index: int) -> list[float]:
            points.weights_at(index, bench.weights)
            return bench.measure()

        header = _header(bench, points, described) if journal is not None else None
        rows = visit(len(points), measure, journal=journal, header=header, progress=progress)
        return _dataset(rows, bench, points, described)


def settings(bench: Bench) -> dict[str, str | int]:
    """Attributes that say how a dataset was computed."""
    return {
        "evaluation": "eval",
        "dtype": str(bench.dtype).removeprefix("torch."),
        "device": next(bench.model.parameters()).device.type,
        "batch_size": bench.batch_size,
        "memory_format": str(bench.memory_format).removeprefix("torch."),
        "torch": str(torch.__version__),
        "lossatlas": __version__,
    }


def identity(bench: Bench) -> dict[str, Any]:
    """What tells the journals of two problems apart: the weights' digest, and the rounded metrics there.

    The metrics stand for what cannot be hashed: the network's code, the loss and the data. They are rounded,
    since a GPU need not repeat the last bit.
    """
    return {
        "splits": list(bench.batches),
        "weights": weights_digest(state(bench.model)),
        "metrics": [f"{value:.3e}" for value in bench.measure()],
    }


def _header(bench: Bench, points: Points, attributes: Mapping[str, Any]) -> dict[str, Any]:
    header = {**attributes, **identity(bench)}
    header["axes"] = {name: variable.values.tolist() for name, variable in points.axes.items()}
    header["ends"] = []
    for index in (0, len(points) - 1):
        points.weights_at(index, bench.weights)
        header["ends"].append(weights_digest(bench.weights))
    return header


def _dataset(
    rows: NDArray[np.float64], bench: Bench, points: Points, attributes: Mapping[str, Any]
) -> xr.Dataset:
    axes = points.axes
    shape = [variable.size for variable in axes.values()]
    values = rows.reshape(*shape, len(bench.batches), len(bench.metrics))
    variables = {
        metric: ((*axes, "split"), values[..., k], {"long_name": _MEANINGS[metric], "units": "1"})
        for k, metric in enumerate(bench.metrics)
    }
    split = xr.Variable(("split",), list(bench.batches), {"long_name": "part of the data"})
    return xr.Dataset(variables, {**axes, "split": split}, dict(attributes))
