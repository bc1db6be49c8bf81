"""The surface around a network over a random plane."""

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.evaluation import evaluate
from lossatlas.landscape.plane import Plane
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.visit import Progress
from lossatlas.landscape.weight_space import parameters


def surface(
    problem: Problem,
    *,
    points: int = 51,
    extent: float = 1.0,
    seed: int = 123,
    normalize: str = "filter",
    ignore: str = "biasbn",
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Loss and error over a plane through the network along two random directions (Li et al. 2018, figure 5).

    ``points`` x ``points`` points over [-``extent``, ``extent``] x [-``extent``, ``extent``]. The directions
    are the first two of `line` with the same ``seed``, ``normalize`` and ``ignore``, and are not
    orthogonalised; the rest is as in `evaluate`. Returns ``loss`` and ``error`` over (split, y, x).
    ValueError for a value out of its range.

    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> dict(surface(problem, points=5).loss.sizes)
    {'split': 1, 'y': 5, 'x': 5}
    """
    plane = Plane.random(parameters(problem.model), seed=seed, normalize=normalize, ignore=ignore)
    dataset = evaluate(
        problem,
        plane.grid(points, extent=extent),
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
        attributes={"survey": "surface", "seed": seed, "normalize": normalize, "ignore": ignore},
    )
    return dataset.transpose("split", "y", "x", ...)
