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

    With ``convention`` = "li2018" the numbers are those of the authors' code.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    directions : int, default 10
        Number of lines; of ``along`` the first so many are taken, all if they are fewer.
    points : int, default 51
        Points of each line, >= 2.
    extent : float, default 1.0
        alpha lies in [-``extent``, ``extent``], in units of the direction.
    seed : int, default 123
        Seed of the random directions.
    normalize : {"filter", "layer", "weight", "none"}, default "filter"
        Rescale random directions to the size of each filter, layer or weight, or not at all (`normalize_direction`).
    ignore : {"biasbn", "none"}, default "biasbn"
        Tensors that stay: those of fewer than two dimensions (biases, normalisation layers), or none.
    statistics : bool, default False
        Whether running means and variances of batch norm move too, as "states" in Li et al.'s code; ``ignore`` =
        "biasbn" leaves them where they are.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        Rules for drawing, small tensors and variances below zero: this library's, or those of Li et al.'s code.
    along : mapping, directions or a list of these, optional
        In place of the random directions, whose options must then be left alone: tensors by parameter name, or for
        example `GradientDirections`.
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Precision, batches, statistics of batch norm; by default exact to float32 rounding.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless ``loss`` (mean over the split) and ``error`` (share misclassified, where targets are classes)
        over (direction, split, alpha).

    Raises
    ------
    ValueError
        For a value out of its range, or for a direction that is zero or of another network.

    References
    ----------
    Li et al. 2018, arXiv:1712.09913.

    Examples
    --------
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
