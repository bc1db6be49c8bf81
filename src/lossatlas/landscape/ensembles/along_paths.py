"""Ensembles of the networks along a path."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from lossatlas.landscape.engine import Engine
from lossatlas.landscape.ensembles.members import classes, outputs, predicted_classes
from lossatlas.landscape.ensembles.scores import error, nll
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.grid import Points

_VARIABLES = {
    "pair_error": "share misclassified by the mean probabilities of this point and of the first",
    "pair_nll": "mean negative log-likelihood of the mean probabilities of this point and of the first",
    "growing_error": "share misclassified by the mean probabilities of all points up to this one",
    "growing_nll": "mean negative log-likelihood of the mean probabilities of all points up to this one",
}


class _Ensembles:
    """Log-probabilities of the first point and of the mean of those so far, by split, (N, C) in float64.

    Points are gone through from the first on; one that lies before the last begins anew.
    """

    def __init__(self, ready: PreparedProblem, points: Points) -> None:
        self._ready = ready
        self._points = points
        self._predicted = predicted_classes(ready)
        self._targets = {split: classes(ready, split) for split in ready.batches}
        self._count = 0
        self._first: dict[str, Tensor] = {}
        self._sum: dict[str, Tensor] = {}

    def scores(self, index: int) -> list[float]:
        """`_VARIABLES` of point ``index``, of the first split one after the other, then of the next."""
        if index < self._count:
            self._count = 0
        while self._count <= index:
            here = self._add(self._count)
        values = []
        for split, targets in self._targets.items():
            pair = torch.logaddexp(self._first[split], here[split]) - _log(2)
            growing = self._sum[split] - _log(self._count)
            values += [score(each, targets) for each in (pair, growing) for score in (error, nll)]
        return values

    def _add(self, index: int) -> dict[str, Tensor]:
        self._points.weights_at(index, self._ready.weights)
        here = {
            split: outputs(self._ready, {}, split, self._predicted).log_softmax(-1) for split in self._targets
        }
        if index == 0:
            self._first = self._sum = here
        else:
            self._sum = {split: torch.logaddexp(self._sum[split], each) for split, each in here.items()}
        self._count = index + 1
        return here


def ensembles_along(
    problem: Problem,
    points: Points,
    *,
    splits: Sequence[str] | None,
    engine: Engine,
    digest: str,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Ensemble error and NLL of points on a path, by the mean of probabilities, over the points' axis and (split,).

    ``pair_error`` and ``pair_nll`` are of each point with the first (Garipov et al. 2018, arXiv:1802.10026, figure 2,
    right), ``growing_error`` and ``growing_nll`` of all points from the first to each. All is in float64. ``digest``
    tells the path from others in the ``journal``; a survey that goes on computes the outputs of earlier points again.
    ValueError as `predicted_classes` raises it.
    """
    names = problem.select(splits)
    with prepared(problem, splits=names, engine=engine.exact()) as ready:
        ensembles = _Ensembles(ready, points)
        header: dict[str, Any] = {}
        if journal is not None:
            header = {"survey": "ensembles along a path", "digest": digest, "points": len(points)}
            header |= {**settings(ready), **identity(ready)}
        rows = map_points(
            len(points),
            ensembles.scores,
            chain=len(points),  # each point needs those before it
            journal=journal,
            header=header,
            progress=progress,
        )
    values = rows.reshape(len(points), len(names), len(_VARIABLES))
    (axis,) = points.axes
    variables = {
        name: ((axis, "split"), values[..., k], {"long_name": meaning, "units": "1"})
        for k, (name, meaning) in enumerate(_VARIABLES.items())
    }
    coordinates = {**points.axes, "split": xr.Variable(("split",), list(names))}
    return xr.Dataset(variables, coordinates)


def _log(number: int) -> float:
    return float(np.log(number))
