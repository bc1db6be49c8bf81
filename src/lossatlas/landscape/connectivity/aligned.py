"""Linear interpolation to another network, before and after permutation alignment by weight matching."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from lossatlas.landscape.alignment import UnitGroup, match_weights, permuted, random_orders, unit_groups
from lossatlas.landscape.connectivity.path_statistics import barrier
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.measuring.isolation import weights_of_its_own
from lossatlas.landscape.measuring.prepared import outputs
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.lines import Segment
from lossatlas.landscape.shapes.sequences import Concatenated
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import Weights, check_mixable, matching, norm, parameters, state

_ALIGNMENTS = ("before", "after")


class _Pair(NamedTuple):
    """The far end as it was, and with its units in another order."""

    before: Weights
    after: Weights


@survey(products=None)
def aligned(
    problem: Problem,
    *,
    other: Mapping[str, Tensor] | None = None,
    points: int = 25,
    seed: int = 0,
    statistics: bool = True,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Linear interpolation from the network, alpha 0, to ``other``, alpha 1, before and after weight matching.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    other : state dict, optional
        A second network of the same kind; None: the network's own copy with its units in an order drawn from
        ``seed``, which computes the same function.
    points : int, default 25
        Points of each line over alpha in [0, 1], >= 2, ends included.
    seed : int, default 0
        Seed of the copy's order, and of the order in which `match_weights` takes the groups of units.
    statistics : bool, default True
        Whether running means and variances of batch norm are interpolated too; else all points have those of alpha 0.
        Where layers are averaged interpolated ones are not those of what the layers give; an engine with evaluation
        "recompute" takes a pass over the training data at each of the points.
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
        Dimensionless: ``loss`` and ``error`` over (alignment, split, alpha); ``barrier`` and ``error_barrier`` over
        (alignment, split), the highest rise above the chord between the ends (`path_statistics.barrier`);
        ``distance`` and ``objective`` over (alignment,), distance and inner product of the two networks' parameters;
        and the scalars ``rounds`` of matching, ``moved``, the share of the units that it moves, and
        ``output_difference``, the largest difference that a new order of units makes to the outputs (of the other
        network by matching, or of the network by copying it) as a share of the largest output.

    Raises
    ------
    ValueError
        For a network whose units cannot be followed, and, naming the first difference, for one of another shape.

    References
    ----------
    Ainsworth et al. 2022, arXiv:2209.04836.

    Examples
    --------
    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> problem = Problem(network, torch.nn.CrossEntropyLoss(), {"train": (torch.eye(2), torch.arange(2))})
    >>> dataset = aligned(problem, points=5)
    >>> bool(dataset.barrier.sel(alignment="after") < 1e-6), float(dataset.distance.sel(alignment="after"))
    (True, 0.0)
    """
    groups = unit_groups(problem.model)
    everything, own = state(problem.model), parameters(problem.model)
    before = _other(problem, other) if other else permuted(everything, groups, random_orders(groups, seed))
    found = match_weights(own, before, groups, seed=seed)
    far = _Pair(before, permuted(before, groups, found.orders))
    start = everything if statistics else own
    line = Concatenated([_segment(start, end).grid(points, low=0.0, high=1.0) for end in far])
    measured = evaluate(
        problem,
        line,
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
        attributes={
            "survey": "aligned",
            "other": "another network" if other else "the network's own copy",
            "seed": seed,
            "statistics": "interpolated" if statistics else "of alpha 0",
        },
    )
    which = xr.Variable(
        "alignment", list(_ALIGNMENTS), {"long_name": "matching of the other network's units"}
    )
    dataset = xr.concat(line.split(measured), which).transpose("alignment", "split", "alpha", ...)
    reordered = far if other else (everything, before)
    return dataset.assign(_barriers(dataset)).assign(
        distance=("alignment", [_distance(own, end) for end in far], _about("distance of the parameters")),
        objective=("alignment", found.objective[[0, -1]], _about("inner product of the parameters")),
        rounds=((), float(len(found.objective) - 1), _about("rounds of matching over all groups of units")),
        moved=((), _moved(groups, found.orders), _about("share of the units that matching moves")),
        output_difference=(
            (),
            _output_difference(problem, *reordered),
            _about("largest difference that the order of units makes to outputs, as a share of the largest"),
        ),
    )


def _other(problem: Problem, other: Mapping[str, Tensor]) -> Weights:
    """Parameters and statistics of the other network, on the device and in the dtype of the first."""
    check_mixable(problem.model, other, "the other network")
    return {name: other[name].detach().to(tensor) for name, tensor in state(problem.model).items()}


def _segment(start: Weights, end: Weights) -> Segment:
    return Segment(start, {name: end[name] for name in start})


def _barriers(dataset: xr.Dataset) -> dict[str, xr.DataArray]:
    """The barrier of the loss, and of the error where there is one."""
    names = {"loss": "barrier", "error": "error_barrier"}
    return {
        names[name]: xr.apply_ufunc(barrier, dataset[name], input_core_dims=[["alpha"]]).assign_attrs(
            _about(f"highest rise of the {name} above the chord between the ends")
        )
        for name in names
        if name in dataset
    }


def _distance(weights: Weights, other: Weights) -> float:
    return norm({name: other[name].double() - tensor.double() for name, tensor in weights.items()})


def _moved(groups: Sequence[UnitGroup], orders: Sequence[np.ndarray]) -> float:
    moved = sum(
        int((order != np.arange(group.size)).sum()) for group, order in zip(groups, orders, strict=True)
    )
    return moved / sum(group.size for group in groups)


def _output_difference(problem: Problem, one: Weights, two: Weights) -> float:
    """Largest difference of the outputs for all inputs, as a share of the largest output."""
    found = []
    with torch.inference_mode(False), weights_of_its_own(problem.model, torch.preserve_format) as weights:
        for end in (one, two):
            torch._foreach_copy_(matching(weights, end), list(end.values()))
            found.append(outputs(problem))
    return float((found[1] - found[0]).abs().max() / found[0].abs().max())


def _about(meaning: str) -> dict[str, str]:
    return {"long_name": meaning, "units": "1"}
