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


@survey(
    products=None, version=lambda sampling, **_: 2 if sampling == "adaptive" else 1
)  # 2: judges what is stored
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

    The directions are the first two of `line` with the same options, and are not orthogonalised; the attribute
    ``cosine`` is that of the angle between them.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    points : int, default 51
        Points along each axis, >= 2.
    extent : float, default 1.0
        x and y lie in [-``extent``, ``extent``], in units of the directions.
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
    sampling : {"grid", "adaptive"}, default "grid"
        "adaptive" measures points until the rest can be interpolated, and ``measured`` over (y, x) says which are:
        `Adaptive`.
    tolerance : float, default 0.01
        Of adaptive sampling: error as a share of the range of the losses, and of that of those below ``ceiling``.
    ceiling : float, default 10.0
        Of adaptive sampling: loss at which the latter range is cut off; raised if no loss lies below it (`Adaptive`).
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
        over (split, y, x).

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
