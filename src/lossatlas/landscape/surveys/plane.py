"""The plane through three networks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import xarray as xr
from torch import Tensor

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.evaluation import evaluate
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.plane import Plane
from lossatlas.landscape.shapes.sequences import Concatenated, Networks
from lossatlas.landscape.visiting.visit import Progress
from lossatlas.landscape.weight_space import check_alike, parameters, state, weights_digest


def plane(
    problem: Problem,
    *,
    others: Sequence[Mapping[str, Tensor]],
    points: int = 21,
    margin: float = 0.2,
    statistics: bool = True,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Loss and error over the plane through the network and two ``others`` (Garipov et al. 2018, figure 1).

    ``others`` are two state dicts of networks of the same kind. The network is at the origin, the first other
    on the x axis and the second above it; x and y are distances between parameters. The grid has ``points`` x
    ``points`` points over the box around the three, wider by ``margin`` of it on each side. With
    ``statistics`` the running means and variances of batch norm are affine over the plane and those of the
    networks at these, with variances below zero clamped to zero; else all points have the first network's.
    The paper computes them anew at each point, as ``engine.evaluation`` = "recompute" does.

    Returns ``loss`` and ``error`` over (split, y, x), the three networks' coordinates ``point_x`` and
    ``point_y`` over (point,), and what is measured at these themselves, ``point_loss`` and ``point_error``.
    The rest is as in `evaluate`. ValueError for a value out of its range, for networks on one line, and,
    naming the first difference, for a network of another shape.

    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> dataset = plane(problem, others=[torch.nn.Linear(2, 3).state_dict() for _ in range(2)], points=5)
    >>> dict(dataset.loss.sizes), dict(dataset.point_loss.sizes)
    ({'split': 1, 'y': 5, 'x': 5}, {'split': 1, 'point': 3})
    """
    if len(others) != 2:
        raise ValueError(f"a plane goes through the network and two others, got {len(others)} others")
    for which, other in zip(("second", "third"), others, strict=True):
        check_alike(problem.model.state_dict(), other, f"the {which} network")
    first = (state if statistics else parameters)(problem.model)
    second, third = ({name: other[name].detach().to(own) for name, own in first.items()} for other in others)
    through = Plane.through(first, second, third, measured=list(parameters(problem.model)))
    assert through.marks is not None
    three = Networks([first, second, third], "point", "number of the network")
    both = Concatenated([through.grid_around_marks(points, margin=margin), three])
    measured = evaluate(
        problem,
        both,
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
        attributes={
            "survey": "plane",
            "margin": margin,
            "statistics": "affine" if statistics else "of the first network",
            "networks": "-".join(weights_digest(network)[:16] for network in (first, second, third)),
        },
    )
    surface, at_networks = both.split(measured)
    dataset = surface.merge(at_networks.rename({name: f"point_{name}" for name in at_networks.data_vars}))
    for name, values in zip(("x", "y"), through.marks.T, strict=True):
        about = {"long_name": f"{name} of the network", "units": "1"}
        dataset[f"point_{name}"] = xr.Variable(("point",), values, about)
    return dataset.transpose("split", "y", "x", "point", ...)
