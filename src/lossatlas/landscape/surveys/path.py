"""A path through several networks, or along any curve."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import xarray as xr
from torch import Tensor

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.evaluation import evaluate
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.curves import Curve, Polyline
from lossatlas.landscape.shapes.grid import axis
from lossatlas.landscape.visiting.visit import Progress
from lossatlas.landscape.weight_space import check_alike, parameters, state


def path(
    problem: Problem,
    *,
    through: Sequence[Mapping[str, Tensor]] | Curve,
    points: int = 61,
    statistics: bool = True,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Loss and error along the straight lines from the network to the first of ``through``, and on to the next.

    ``through`` holds state dicts of networks of the same kind. Network k, with the problem's as the first, is
    at t = k to the last bit, and each line has ``points`` points, both ends included. With ``statistics`` the
    running means and variances of batch norm are interpolated too, else all points have the first network's.

    A `Curve` may stand in place of the networks: t then runs over [0, 1], and what the curve does not give is
    as in the problem's network.

    Returns ``loss`` and ``error`` over (split, t), the coordinate ``length`` of the path up to t, over the
    parameters (of a curve: over what it gives), and for networks ``network_t``, where each is. The rest is as
    in `evaluate`. ValueError for a value out of its range, and, naming the first difference, for a network of
    another shape.

    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> others = [torch.nn.Linear(2, 3).state_dict() for _ in range(2)]
    >>> path(problem, through=others, points=3).t.values
    array([0. , 0.5, 1. , 1.5, 2. ])
    """
    curve = through if isinstance(through, Curve) else _polyline(problem, through, statistics)
    dataset = evaluate(
        problem,
        curve.grid(points),
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
        attributes={"survey": "path", **_described(curve, statistics), "digest": curve.digest()},
    )
    length = curve.lengths(dataset.t.values)
    about = {"long_name": "length of the path up to t", "units": "1"}
    dataset = dataset.assign_coords(length=("t", length, about))
    if isinstance(curve, Polyline):
        dataset["network_t"] = axis("network", curve.corners, "position of the network along the path")
    return dataset.transpose("split", "t", ...)


def _polyline(problem: Problem, others: Sequence[Mapping[str, Tensor]], statistics: bool) -> Polyline:
    for k, other in enumerate(others, start=1):
        check_alike(problem.model.state_dict(), other, f"network {k} of the path")
    start = (state if statistics else parameters)(problem.model)
    ends = [{name: other[name].detach().to(tensor) for name, tensor in start.items()} for other in others]
    return Polyline([start, *ends], measured=list(parameters(problem.model)))


def _described(curve: Curve | Polyline, statistics: bool) -> dict[str, str]:
    if isinstance(curve, Curve):
        return {"path": "curve"}
    return {"path": "polyline", "statistics": "interpolated" if statistics else "of the first network"}
