"""Line slices of the loss through a network, along random directions or others."""

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from lossatlas.landscape.directions import Along, RandomDirections, directions_along
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.lines import Bundle
from lossatlas.landscape.survey import survey


@survey(products=None)
def line(
    problem: Problem,
    *,
    directions: int = 10,
    points: int = 51,
    extent: float = 1.0,
    seed: int = 123,
    normalize: str = "filter",
    ignore: str = "biasbn",
    statistics: bool = False,
    convention: str = "lossatlas",
    along: Along = None,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Loss and error along ``directions`` random lines through the network (Li et al. 2018, figure 3).

    Each line has ``points`` points over alpha in [-``extent``, ``extent``]; ``seed``, ``normalize``, ``ignore``
    and ``convention`` are those of `random_direction`, and with ``statistics`` the running means and variances
    of batch norm move too; the rest is as in `evaluate`. ``convention`` = "li2018" gives the numbers of the
    authors' code. Returns ``loss`` and ``error`` over (direction, split, alpha).

    ``along`` puts other directions in the place of the random ones: tensors by parameter name, or for example
    `GradientDirections`, or a list of these, of which the first ``directions`` are taken, all if they are
    fewer. ValueError for a value out of its range, or for a direction that is zero or of another network.

    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> dict(line(problem, directions=4, points=5).loss.sizes)
    {'direction': 4, 'split': 1, 'alpha': 5}
    """
    random = RandomDirections(seed, normalize, ignore, statistics, convention)
    direction_set = directions_along(along, random, problem)
    number = directions if direction_set.number is None else min(directions, direction_set.number)
    grid = Bundle(direction_set.centre, direction_set.draw, direction_set.clamp).grid(
        number, points, extent=extent
    )
    dataset = evaluate(
        problem,
        grid,
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
        attributes={"survey": "line", **direction_set.attributes},
    )
    return dataset.transpose("direction", "split", "alpha", ...)
