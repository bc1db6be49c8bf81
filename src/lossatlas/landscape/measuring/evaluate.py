"""Loss and metrics of a network at any sequence of points in weight space."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from lossatlas import __version__
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.mapping.ranks import ranks
from lossatlas.landscape.measuring.precision import precision_error
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.sampling.full_grid import FULL_GRID, Sampled, Sampling
from lossatlas.landscape.shapes.combination import combination_at
from lossatlas.landscape.shapes.grid import Points
from lossatlas.weight_space import state, weights_digest


def evaluate(
    problem: Problem,
    points: Points,
    *,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    sampling: Sampling = FULL_GRID,
    journal: str | Path | None = None,
    progress: Progress | None = None,
    attributes: Mapping[str, str | int | float] | None = None,
) -> xr.Dataset:
    """Measure loss, and error where the targets are classes, at each of ``points`` on each of ``splits``.

    The network is in evaluation mode with its present statistics, unless the points overwrite those too; losses are
    over the whole split, unaugmented. Where torch.distributed is initialised the points are shared among its ranks,
    each of which gets the whole result; see `map_points`.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were, whatever happens.
    points : Points
        What is measured, such as the `Grid` of a line or a plane.
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Precision, batches, statistics of batch norm; by default exact to float32 rounding.
    sampling : Sampling, optional
        May leave out points, which are then interpolated, as `Adaptive` does; by default all are measured.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.
    attributes : mapping, optional
        Describe the survey in the dataset; None: nothing beside what describes the measuring.

    Returns
    -------
    xr.Dataset
        Dimensionless ``loss`` (mean over the split) and ``error`` (share misclassified, where targets are classes)
        over the points' axes, then split. NaN and infinite losses are kept as such, and the attribute ``not_finite``
        counts them.

    Raises
    ------
    ValueError
        As `prepared` raises it, or if the points are not of this network.

    Examples
    --------
    >>> from lossatlas.landscape import Line, parameters
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> _ = model.weight.data.fill_(1.0)
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (torch.ones(4, 1), torch.ones(4, 1))})
    >>> line = Line(parameters(model), {"weight": torch.tensor([[2.0]])})
    >>> evaluate(problem, line.grid(3)).loss.sel(split="train").values  # (2 alpha)**2
    array([4., 0., 4.])
    """
    with prepared(problem, splits=splits, engine=engine) as ready:
        _check_names(ready, points)
        described = {**(attributes or {}), **settings(ready), **sampling.attributes()}

        def measure(index: int) -> list[float]:
            points.weights_at(index, ready.weights)
            return ready.measure(combination_at(points, index))

        told_apart = journal is not None or ranks().world_size > 1
        header = _header(ready, points, described) if told_apart else None
        mapped = partial(map_points, len(points), measure, journal=journal, header=header)
        sampled = sampling.sample(_shape(points), _losses(ready), mapped, progress)
        dataset = _dataset(sampled, ready, points, described)
        names, losses = list(ready.batches), sampled.rows[:, _losses(ready)]
    error = precision_error(problem, points, losses, splits=names, engine=engine, measured=sampled.measured)
    return dataset.assign_attrs(error)


def _check_names(ready: PreparedProblem, points: Points) -> None:
    taken = {*points.axes, "measured"}
    for metric in ready.metrics:
        if metric.name in taken:
            name = metric.name
            raise ValueError(
                f"a metric cannot be called {name!r}, the name of a dimension or of another variable"
            )
        taken.add(metric.name)


def settings(ready: PreparedProblem) -> dict[str, str | int]:
    """Attributes that say how a dataset was computed."""
    return {
        "dtype": str(ready.dtype).removeprefix("torch."),
        "device": next(ready.model.parameters()).device.type,
        "forward": ready.forward.name,
        "memory_format": str(ready.memory_format).removeprefix("torch."),
        "torch": str(torch.__version__),
        "lossatlas": __version__,
        **ready.engine.attributes(),
        **({"spectral_norm": "of the weights at each point"} if ready.normed else {}),
        "batch_size": ready.batch_size,
    }


def identity(ready: PreparedProblem) -> dict[str, Any]:
    """What tells the journals of two problems apart: digests of weights and data, and the rounded metrics there.

    The metrics stand for what cannot be hashed: the network's code and the loss. They are rounded, since another
    number of threads, or a GPU, need not repeat the last bit.
    """
    data = {
        f"{split} {number} {part}": tensor
        for split, batches in ready.batches.items()
        for number, batch in enumerate(batches)
        for part, tensor in zip(("inputs", "targets"), batch, strict=True)
    }
    if ready.statistics is not None:  # of a split that need not be among those measured
        data |= {f"statistics {number}": inputs for number, inputs in enumerate(ready.statistics.batches)}
    return {
        "splits": list(ready.batches),
        "weights": weights_digest(state(ready.model)),
        "data": weights_digest(data),
        "metrics": [f"{value:.3e}" for value in ready.measure()],
    }


def _header(ready: PreparedProblem, points: Points, attributes: Mapping[str, Any]) -> dict[str, Any]:
    of_problem = identity(ready)
    header = {**of_problem, **attributes, **of_problem}  # what differs first is named first
    header["axes"] = {name: variable.values.tolist() for name, variable in points.axes.items()}
    header["ends"] = []
    for index in (0, len(points) - 1):
        points.weights_at(index, ready.weights)
        header["ends"].append(weights_digest(ready.weights))
    return header


def _shape(points: Points) -> list[int]:
    return [variable.size for variable in points.axes.values()]


def _losses(ready: PreparedProblem) -> list[int]:
    """Columns of what `PreparedProblem.measure` returns that hold losses: the first of each split."""
    values = sum(prod(variable.size for variable in metric.axes.values()) for metric in ready.metrics)
    return [number * values for number in range(len(ready.batches))]


def _dataset(
    sampled: Sampled, ready: PreparedProblem, points: Points, attributes: Mapping[str, Any]
) -> xr.Dataset:
    axes = dict(points.axes)
    split = xr.Variable(("split",), list(ready.batches), {"long_name": "part of the data"})
    shape = _shape(points)
    values = sampled.rows.reshape(*shape, len(split), -1)
    variables = _where(sampled, points)
    start = 0
    for metric in ready.metrics:
        own = [variable.size for variable in metric.axes.values()]
        stop = start + prod(own)
        part = values[..., start:stop].reshape(*shape, len(split), *own)
        variables[metric.name] = (
            (*points.axes, "split", *metric.axes),
            part,
            {"long_name": metric.meaning, "units": "1"},
        )
        axes |= metric.axes
        start = stop
    not_finite = int((~np.isfinite(variables["loss"][1])).sum())
    described = {**attributes, **sampled.attributes, "not_finite": not_finite}
    return xr.Dataset(variables, {**axes, "split": split}, described)


def _where(sampled: Sampled, points: Points) -> dict[str, Any]:
    """Which points are measured, if not all are bound to be."""
    if sampled.measured is None:
        return {}
    flags = sampled.measured.reshape(_shape(points)).astype(np.int8)
    meaning = "1 where the point is measured, 0 where it is interpolated"
    return {"measured": (tuple(points.axes), flags, {"long_name": meaning, "units": "1"})}
