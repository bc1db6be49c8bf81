"""Lines through a network along random directions."""

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from lossatlas.landscape.directions import random_direction
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.evaluation import evaluate
from lossatlas.landscape.lines import Bundle
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.visit import Progress
from lossatlas.landscape.weight_space import Weights, parameters


def line(
    problem: Problem,
    *,
    directions: int = 10,
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
    """Loss and error along ``directions`` random lines through the network (Li et al. 2018, figure 3).

    Each line has ``points`` points over alpha in [-``extent``, ``extent``]; ``seed``, ``normalize`` and
    ``ignore`` are those of `random_direction`, the rest those of `evaluate`. Returns ``loss`` and ``error``
    over (direction, split, alpha). ValueError for a value out of its range.

    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> dict(line(problem, directions=4, points=5).loss.sizes)
    {'direction': 4, 'split': 1, 'alpha': 5}
    """
    centre = parameters(problem.model)

    def draw(index: int) -> Weights:
        return random_direction(centre, seed=seed, index=index, normalize=normalize, ignore=ignore)

    grid = Bundle(centre, draw).grid(directions, points, extent=extent)
    dataset = evaluate(
        problem,
        grid,
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
        attributes={"survey": "line", "seed": seed, "normalize": normalize, "ignore": ignore},
    )
    return dataset.transpose("direction", "split", "alpha", ...)
