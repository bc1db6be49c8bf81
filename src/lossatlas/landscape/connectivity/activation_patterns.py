"""Activation patterns along a path: how many activation regions it crosses, and how many units switch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn

from lossatlas.landscape.connectivity.path import (
    Networks,
    described,
    way_through,
    with_lengths,
    with_networks,
)
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.landscape.shapes.curves import Curve
from lossatlas.landscape.shapes.grid import OWN, Points, axis
from lossatlas.landscape.survey import survey

KINKS: Mapping[type[nn.Module], Callable[[Any], tuple[float, ...]]] = {
    nn.ReLU: lambda _: (0.0,),
    nn.LeakyReLU: lambda _: (0.0,),
    nn.PReLU: lambda _: (0.0,),
    nn.RReLU: lambda _: (0.0,),
    nn.Threshold: lambda module: (module.threshold,),
    nn.Hardtanh: lambda module: (module.min_val, module.max_val),  # as is ReLU6
}
"""Piecewise linear activations: from a module to where its slope changes, ascending."""

_END = "number or epoch of the network at the end of the line"

_COUNTED = 3  # numbers of a layer at a point

_Patterns = list[list[Tensor]]  # of each batch and layer: how many kinks lie below a unit's input, (B, ...)


@survey(products=None)
def activation_patterns(
    problem: Problem,
    *,
    through: Networks | Curve | ControlledCurve,
    points: int = 61,
    statistics: bool = True,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Activation patterns along a path: which units of piecewise linear activations switch, on which examples.

    Weights with the same activation pattern, that is with all units on the same side of the kink for all examples, form
    a cell in which the loss is smooth (He, Wang & Tao 2020). At a crossing one unit switches for one example: the path
    leaves a cell for the next. Crossings are told by comparing each point with the one before, so that an even number
    between two points is not seen. On a straight line the input of a unit of the first layer is linear in t and
    crosses at most once, so that its count is exact however few the points; for others it is a lower bound, and
    ``coarse_crossings`` say how far from its limit.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were. Its activations are modules: `KINKS` has their classes.
    through : sequence or mapping of state dicts, Curve or ControlledCurve
        As of `path`: from the network through others, through those of a mapping by number alone, or along a curve.
    points : int, default 61
        Points of each line, both ends included, or of the curve; >= 2.
    statistics : bool, default True
        Whether running means and variances of batch norm are interpolated too; else all points have the first
        network's.
    splits : sequence of str, optional
        Parts of the data to look at; None: all.
    engine : Engine, optional
        Batches, statistics of batch norm and subsample; in the weights' dtype. Four patterns are held, a byte for each
        unit and example: for large networks take a ``subsample``.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless. Over (split, layer, t): ``crossings`` since the point before, and ``switched``, the share of
        units and examples whose pattern is not that of the network at which the line begins. Over (split, line), of
        all layers: ``line_crossings``, their sum; ``coarse_crossings``, what every second point alone would tell, NaN
        for an even number of points; and ``line_switched``, the share that differs at the end of the line; a curve is
        one line. Over (split,): ``cells``, the number of cells that the path runs through, one more than its
        crossings unless several fall together, as those of equal examples do. ``units`` over (layer,), ``examples``
        over (split,), and the lengths and ``network_t`` as of `path`. A ``line`` has the number of
        the network at its end, that of a mapping where one is given.

    Raises
    ------
    ValueError
        For a network without piecewise linear activations, for a value out of its range, and, naming the first
        difference, for a network of another shape.

    References
    ----------
    He, Wang & Tao 2020, arXiv:2003.12236; Hanin & Rolnick 2019, arXiv:1906.00904 (activation patterns and regions).

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    >>> here, there = ({"0.weight": torch.tensor([[w], [1.0]])} for w in (1.0, -1.0))
    >>> _ = model.load_state_dict({**model.state_dict(), **here, "0.bias": torch.zeros(2)})
    >>> problem = Problem(model, nn.MSELoss(), {"train": (torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1))})
    >>> dataset = activation_patterns(problem, through=[{**model.state_dict(), **there}], points=4)
    >>> dataset.crossings.sel(layer="1", split="train").values  # the first unit, for both examples
    array([0., 0., 2., 0.])
    >>> dataset.line_switched.values, dataset.cells.values
    (array([[0.5]]), array([3.]))
    """
    curve = way_through(problem, through, statistics)
    grid = curve.grid(points)
    with prepared(problem, splits=splits, engine=engine.exact()) as ready:
        walk = _Walk(ready, grid, points - 1)
        attributes = {
            "survey": "activation_patterns",
            **described(curve, statistics),
            "digest": curve.digest(),
            **settings(ready),
        }
        header = {**attributes, "points": len(grid), **identity(ready)}
        rows = map_points(
            len(grid), walk.counts, chain=len(grid), journal=journal, header=header, progress=progress
        )
    dataset = with_lengths(_dataset(rows, walk, grid, points, attributes), problem, curve)
    if isinstance(through, Mapping):
        dataset = dataset.assign_coords(line=axis("line", sorted(through)[1:], _END))
    return with_networks(dataset, curve)


class _Walk:
    """Goes along ``grid``, whose lines have ``steps`` steps each, and counts what differs from points before.

    Points are gone through from the first on; one that lies before the last begins anew.
    """

    def __init__(self, ready: PreparedProblem, grid: Points, steps: int) -> None:
        self._ready = ready
        self._grid = grid
        self._steps = steps
        called = list(_called(ready))
        self.layers, self.units = [name for name, _ in called], [units for _, units in called]
        if not self.layers:
            classes = ", ".join(kind.__name__ for kind in KINKS)
            raise ValueError(
                f"{type(ready.model).__name__} has no activation with a kink, by which cells are told apart: it calls "
                f"no module among {classes}"
            )
        self.splits = list(ready.batches)
        self.examples = [sum(len(inputs) for inputs, _ in ready.batches[split]) for split in self.splits]
        self._next = 0
        self._before: list[_Patterns] = []  # by split
        self._coarse: list[_Patterns] = []
        self._start: list[_Patterns] = []

    def counts(self, index: int) -> list[float]:
        """Of each split and layer: crossings since the point before, and since the second before, and what switched."""
        if index < self._next:
            self._next = 0
        while self._next <= index:
            row = self._step(self._next)
        return row

    def _step(self, index: int) -> list[float]:
        self._grid.weights_at(index, self._ready.weights)
        here = [self._patterns(split) for split in self.splits]
        if index == 0:
            self._before = self._coarse = self._start = here
        values = [
            (_total(now, before, crossed), _total(now, coarse, crossed), _total(now, start, differing))
            for now, before, coarse, start in zip(here, self._before, self._coarse, self._start, strict=True)
        ]
        self._before, self._next = here, index + 1
        within = index % self._steps
        if within % 2 == 0:
            self._coarse = here
        if within == 0:
            self._start = here
        return np.moveaxis(np.array(values), 1, 2).ravel().tolist()  # (split, layer, what is counted)

    @torch.inference_mode()
    def _patterns(self, split: str) -> _Patterns:
        model, statistics = self._ready.model, self._ready.statistics
        self._ready.settle()
        found = []
        with nullcontext() if statistics is None else statistics.taken():
            for inputs, _ in self._ready.batches[split]:
                with _heard(model) as heard:
                    model(inputs)
                found.append([pattern for _, pattern in heard])
        return found


def _called(ready: PreparedProblem) -> Iterator[tuple[str, int]]:
    """Names and numbers of units of the activations as they are called; one that is called again counts again."""
    inputs = next(iter(ready.batches.values()))[0][0]
    with torch.inference_mode(), _heard(ready.model) as heard:
        ready.model(inputs[:2])
    calls: dict[str, int] = {}
    for name, pattern in heard:
        calls[name] = calls.get(name, 0) + 1
        yield name if calls[name] == 1 else f"{name}#{calls[name]}", pattern[0].numel()


@contextmanager
def _heard(model: nn.Module) -> Iterator[list[tuple[str, Tensor]]]:
    """Name and pattern of each call of an activation in the block; an activation may work in place."""
    found: list[tuple[str, Tensor]] = []

    def listen(name: str, kinks: tuple[float, ...]) -> Callable[[nn.Module, Any], None]:
        def hear(_: nn.Module, arguments: Any) -> None:
            below = [arguments[0] > kink for kink in kinks]
            found.append((name, below[0] if len(below) == 1 else torch.stack(below).sum(0, dtype=torch.int8)))

        return hear

    with ExitStack() as stack:
        for name, module in model.named_modules():
            kinks = next((of(module) for kind, of in KINKS.items() if isinstance(module, kind)), None)
            if kinks is not None:
                stack.callback(module.register_forward_pre_hook(listen(name, kinks)).remove)
        yield found


def crossed(one: Tensor, other: Tensor) -> int:
    """How many kinks lie between two patterns."""
    return int((one.to(torch.int8) - other.to(torch.int8)).abs().sum())


def differing(one: Tensor, other: Tensor) -> int:
    """How many units differ between two patterns."""
    return int((one != other).sum())


def _total(one: _Patterns, other: _Patterns, count: Callable[[Tensor, Tensor], int]) -> list[int]:
    """Of each layer, over all batches."""
    of_batches = [list(map(count, *batch)) for batch in zip(one, other, strict=True)]
    return np.sum(of_batches, axis=0).tolist()


def _dataset(
    rows: NDArray[np.float64], walk: _Walk, grid: Points, points: int, attributes: Mapping[str, Any]
) -> xr.Dataset:
    layers, steps = len(walk.layers), points - 1
    shape = (len(grid), len(walk.splits), layers, _COUNTED)
    crossings, coarse, differ = np.moveaxis(rows.reshape(shape), (0, 3), (3, 0))  # (split, layer, t) each
    pairs = np.outer(walk.examples, walk.units)
    lines = (len(grid) - 1) // steps
    of_lines = (len(walk.splits), layers, lines, steps)
    per_line = crossings[..., 1:].reshape(of_lines).sum((1, 3))
    seconds = coarse[..., 1:].reshape(of_lines)[..., 1::2].sum((1, 3))
    ends = differ[..., steps::steps].sum(1) / pairs.sum(1)[:, None]

    def about(meaning: str) -> dict[str, str]:
        return {"long_name": meaning, "units": "1"}

    over_line = ("split", "line")
    return xr.Dataset(
        {
            "crossings": (("split", "layer", "t"), crossings, about("crossings since the point before")),
            "switched": (
                ("split", "layer", "t"),
                differ / pairs[..., None],
                about("share of units that switched"),
            ),
            "line_crossings": (over_line, per_line, about("crossings on the line")),
            "coarse_crossings": (
                over_line,
                seconds if steps % 2 == 0 else np.full_like(seconds, np.nan),
                about("crossings on the line that every second point tells"),
            ),
            "line_switched": (
                over_line,
                ends,
                about("share of units that differ between the ends of the line"),
            ),
            "cells": ("split", 1 + per_line.sum(1), about("cells that the path runs through")),
            "units": ("layer", walk.units, about("units of the layer")),
            "examples": ("split", walk.examples, about("examples of the split")),
        },
        {
            **grid.axes,
            "split": ("split", walk.splits, {"long_name": "part of the data"}),
            "layer": ("layer", walk.layers, {"long_name": "activation", OWN: 1}),
            "line": axis("line", np.arange(1, lines + 1), _END),
        },
        dict(attributes),
    )
