"""Ensembles of the networks along a path."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from lossatlas.landscape.engine import Engine
from lossatlas.landscape.ensembles.held_out import check_held_out
from lossatlas.landscape.ensembles.members import classes, outputs, predicted_classes
from lossatlas.landscape.ensembles.scores import error, nll
from lossatlas.landscape.ensembles.tempering import temperature
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


_TEMPERED = {
    "tempered_error": "share misclassified by the mean tempered probabilities of all points up to this one",
    "tempered_nll": "mean negative log-likelihood of the mean tempered probabilities of all points up to this one",
}
_TEMPERATURE = {"long_name": "temperature by which the outputs of this point are divided", "units": "1"}

ByPart = Mapping[str, Tensor]
"""Logarithms of probabilities by split, (N, C) in float64."""


class _Ensembles:
    """The first point's log-probabilities, and the mean of those so far, as they are and tempered.

    Points are gone through from the first on; one that lies before the last begins anew.
    """

    def __init__(
        self, ready: PreparedProblem, points: Points, splits: Sequence[str], temper_on: str | None
    ) -> None:
        self._ready = ready
        self._points = points
        self._splits = splits
        self._temper_on = temper_on
        self._predicted = predicted_classes(ready)
        self._targets = {split: classes(ready, split) for split in ready.batches}
        self._count = 0
        self._first: ByPart = {}
        self._sum: ByPart = {}
        self._tempered_sum: ByPart = {}

    def scores(self, index: int) -> list[float]:
        """Temperature of point ``index``, if they are tempered, and its scores, one split after the other."""
        if index < self._count:
            self._count = 0
        while self._count <= index:
            here, temperatures = self._add(self._count)
        values = temperatures
        for split in self._splits:
            pair = torch.logaddexp(self._first[split], here[split]) - _log(2)
            sums = [self._sum[split], *([self._tempered_sum[split]] if self._temper_on else [])]
            ensembles = [pair, *(each - _log(self._count) for each in sums)]
            values += [score(each, self._targets[split]) for each in ensembles for score in (error, nll)]
        return values

    def _add(self, index: int) -> tuple[ByPart, list[float]]:
        """Log-probabilities of point ``index``, and its temperature if points are tempered."""
        self._points.weights_at(index, self._ready.weights)
        logits = {split: outputs(self._ready, {}, split, self._predicted) for split in self._targets}
        here, temperatures = _normalized(logits), []
        if self._temper_on is not None:
            temperatures = [temperature(logits[self._temper_on], self._targets[self._temper_on])]
            cooled = _normalized({split: each / temperatures[0] for split, each in logits.items()})
            self._tempered_sum = _added(self._tempered_sum, cooled) if index else cooled
        self._first = self._first if index else here
        self._sum = _added(self._sum, here) if index else here
        self._count = index + 1
        return here, temperatures


def _normalized(logits: ByPart) -> ByPart:
    return {split: each.log_softmax(-1) for split, each in logits.items()}


def _added(sums: ByPart, here: ByPart) -> ByPart:
    return {split: torch.logaddexp(each, here[split]) for split, each in sums.items()}


def ensembles_along(
    problem: Problem,
    points: Points,
    *,
    splits: Sequence[str] | None,
    engine: Engine,
    digest: str,
    temper_on: str | None = None,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Ensemble error and NLL of points on a path, by the mean of probabilities, over the points' axis and (split,).

    ``pair_error`` and ``pair_nll`` are of each point with the first (Garipov et al. 2018, arXiv:1802.10026, figure 2,
    right), ``growing_error`` and ``growing_nll`` of all points from the first to each. With ``temper_on``, a split,
    ``tempered_error`` and ``tempered_nll`` are those of all points to each where each is tempered by its own
    ``temperature`` (`temperature`) on that split. All is in float64. ``digest`` tells the path from others in the
    ``journal``; a survey that goes on computes the outputs of earlier points again. ValueError as `predicted_classes`
    and `check_held_out` raise it.
    """
    names = problem.select(splits)
    check_held_out(problem, "temper_on", temper_on, "tempered")
    read = list(dict.fromkeys([*names, *([temper_on] if temper_on else [])]))
    with prepared(problem, splits=read, engine=engine.exact()) as ready:
        ensembles = _Ensembles(ready, points, names, temper_on)
        header: dict[str, Any] = {}
        if journal is not None:
            header = {"survey": "ensembles along a path", "digest": digest, "points": len(points)}
            header |= {"temper_on": temper_on} if temper_on else {}
            header |= {**settings(ready), **identity(ready)}
        rows = map_points(
            len(points),
            ensembles.scores,
            chain=len(points),  # each point needs those before it
            journal=journal,
            header=header,
            progress=progress,
        )
    (axis,) = points.axes
    coordinates = {**points.axes, "split": xr.Variable(("split",), list(names))}
    found: dict[str, Any] = {}
    if temper_on:
        found["temperature"] = ((axis,), rows[:, 0], _TEMPERATURE)
        rows = rows[:, 1:]
    variables = _VARIABLES | (_TEMPERED if temper_on else {})
    values = rows.reshape(len(points), len(names), len(variables))
    for k, (name, meaning) in enumerate(variables.items()):
        found[name] = ((axis, "split"), values[..., k], {"long_name": meaning, "units": "1"})
    return xr.Dataset(found, coordinates)


def _log(number: int) -> float:
    return float(np.log(number))
