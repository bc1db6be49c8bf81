"""Linear interpolation from one network to another."""

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from lossatlas.landscape.directions.conventions import convention_named
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.ensembles.members import States, is_state, listed
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.combination import Combination
from lossatlas.landscape.shapes.grid import Grid, axis
from lossatlas.landscape.shapes.lines import Segment
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import Weights, check_mixable, parameters, state


@survey(products=None)
def interpolation(
    problem: Problem,
    *,
    other: States,
    low: float = -0.5,
    high: float = 1.5,
    points: int = 401,
    statistics: bool = True,
    convention: str = "lossatlas",
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Linear interpolation: loss and error on the line through the network, at alpha 0, and ``other``, at alpha 1.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    other : state dict, or several by number or in a list
        Networks of the same kind; of several there is a line to each.
    low : float, default -0.5
        Lower end of alpha.
    high : float, default 1.5
        Upper end of alpha.
    points : int, default 401
        Points of a line, >= 2, evenly over the range, both ends included.
    statistics : bool, default True
        Whether running means and variances of batch norm are interpolated too ("states" in Li et al. 2018, figure 2),
        so that both ends are the two networks exactly; else all points have the first network's.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        Variances below zero beyond the ends are clamped to zero, and the attribute ``clamped_variances`` counts them
        over all points; with "li2018" they stay, and the loss is NaN there, as in the authors' code.
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
        over (split, alpha), of several lines over (member, split, alpha).

    Raises
    ------
    ValueError
        For a value out of its range, and, naming the first difference, for a network of another shape.

    References
    ----------
    Li et al. 2018, arXiv:1712.09913.

    Examples
    --------
    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> dataset = interpolation(problem, other=torch.nn.Linear(2, 3).state_dict(), points=5)
    >>> dataset.alpha.values
    array([-0.5,  0. ,  0.5,  1. ,  1.5])
    """
    start = (state if statistics else parameters)(problem.model)
    clamp = convention_named(convention).clamps_variances
    segments = []
    for to in listed(other):
        check_mixable(problem.model, to, "the other network")
        end = {name: to[name].detach().to(tensor) for name, tensor in start.items()}
        segments.append(Segment(start, end, clamp))
    if not segments:
        raise ValueError("other: expected the state dict of a network, or several, got none")
    line = segments[0].grid(points, low=low, high=high)
    alphas = line.axes["alpha"].values.tolist()
    below_zero = sum(segment.negative_variances(alpha) for segment in segments for alpha in alphas)
    grid = line if is_state(other) else _fan(segments, line)
    dataset = evaluate(
        problem,
        grid,
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
        attributes={
            "survey": "interpolation",
            "statistics": "interpolated" if statistics else "of alpha 0",
            "convention": convention,
            "clamped_variances": below_zero if clamp else 0,
        },
    )
    return dataset.transpose("member", "split", "alpha", ..., missing_dims="ignore")


def _fan(segments: Sequence[Segment], line: Grid) -> Grid:
    """One segment after the other, each at the points of ``line``."""
    which = axis("member", range(len(segments)), "number of the network at alpha 1")

    def place(out: Weights, member: float, alpha: float) -> None:
        segments[int(member)].place(out, alpha)

    def combine(member: float, alpha: float) -> Combination:
        return segments[int(member)].combine(alpha)

    return Grid({"member": which, **line.axes}, place, combine)
