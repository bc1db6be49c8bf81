"""Plane slices of the loss around a network, random or other."""

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from lossatlas.landscape.directions import Along, RandomDirections, directions_along
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.sampling.adaptive import sampling_named
from lossatlas.landscape.shapes.plane import Plane
from lossatlas.landscape.survey import survey


@survey(products=None)
def surface(
    problem: Problem,
    *,
    points: int = 51,
    extent: float = 1.0,
    seed: int = 123,
    normalize: str = "filter",
    ignore: str = "biasbn",
    statistics: bool = False,
    convention: str = "lossatlas",
    along: Along = None,
    sampling: str = "grid",
    tolerance: float = 0.01,
    ceiling: float = 10.0,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Loss and error over a plane through the network along two random directions (Li et al. 2018, figure 5).

    ``points`` x ``points`` points over [-``extent``, ``extent``] x [-``extent``, ``extent``]. The directions
    are the first two of `line` with the same ``seed``, ``normalize``, ``ignore``, ``statistics``,
    ``convention`` and ``along``, and are not orthogonalised; the attribute ``cosine`` is that of the angle
    between them. With ``sampling="adaptive"`` points are measured until the rest can be interpolated to
    ``tolerance``, a share of the range of the losses below ``ceiling``; see `Adaptive`. The variable ``measured``
    over (y, x) then says which are. The rest is as in `evaluate`. Returns ``loss`` and ``error`` over
    (split, y, x). ValueError for a value out of its range, or for a direction that is zero or of another network.

    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> dict(surface(problem, points=5).loss.sizes)
    {'split': 1, 'y': 5, 'x': 5}
    """
    random = RandomDirections(seed, normalize, ignore, statistics, convention)
    direction_set = directions_along(along, random, problem)
    along_x, along_y = direction_set.take(2)
    plane = Plane(direction_set.centre, along_x, along_y, direction_set.clamp)
    dataset = evaluate(
        problem,
        plane.grid(points, extent=extent),
        splits=splits,
        engine=engine,
        sampling=sampling_named(sampling, tolerance, ceiling),
        journal=journal,
        progress=progress,
        attributes={"survey": "surface", **direction_set.attributes, "cosine": plane.cosine},
    )
    return dataset.transpose("split", "y", "x", ...)
