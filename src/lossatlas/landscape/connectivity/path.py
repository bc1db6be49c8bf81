"""Loss along a path: the straight lines through several networks, or any curve."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from torch import Tensor
from torch.nn.functional import cross_entropy

from lossatlas.landscape.connectivity.path_statistics import path_statistics
from lossatlas.landscape.connectivity.regularized import with_regularized_loss
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.ensembles.along_paths import ensembles_along
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.measuring.isolation import evaluation_mode, without_wrappers
from lossatlas.landscape.measuring.losses import along_memory
from lossatlas.landscape.measuring.predictions import Predictions, predictions
from lossatlas.landscape.measuring.probing import probed
from lossatlas.landscape.problem import Loss, Problem
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.landscape.shapes.curves import Curve, Polyline
from lossatlas.landscape.shapes.grid import axis
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import check_mixable, norm, parameters, state

_SUMMED_UP = ("loss", "error", "nll", "regularized_loss")

Way = Curve | ControlledCurve | Polyline

Networks = Sequence[Mapping[str, Tensor]] | Mapping[int, Mapping[str, Tensor]]
"""State dicts in order, or by numbers that order them, such as snapshots by epoch."""


@survey(products=None, added={"temper_on": None})
def path(
    problem: Problem,
    *,
    through: Networks | Curve | ControlledCurve,
    points: int = 61,
    statistics: bool = True,
    weight_decay: float | None = None,
    ensemble: bool = False,
    temper_on: str | None = None,
    augmented: tuple[Tensor, Tensor] | None = None,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Loss and error along the piecewise linear path from the network to the first of ``through``, and on to the next.

    Network k, with the problem's as the first, is at t = k to the last bit. All is of clean images but ``augmented``.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    through : sequence or mapping of state dicts, Curve or ControlledCurve
        Networks of the same kind; through those of a mapping by number, such as snapshots by epoch, the path leads from
        the least number to the largest, without the problem's network. Or a curve over t in [0, 1] (study=curve trains
        a `ControlledCurve`): what it does not give is as in the problem's network.
    points : int, default 61
        Points of each line, both ends included, or of the curve; >= 2.
    statistics : bool, default True
        Whether running means and variances of batch norm are interpolated too; else all points have the first
        network's.
    weight_decay : float, optional
        If given, >= 0, adds ``regularized_loss``: loss + weight_decay / 2 * sum(w**2) over all parameters.
    ensemble : bool, default False
        Whether to measure ensembles by the mean of probabilities too (``pair_error``, ``pair_nll`` of each point with
        the first, ``growing_error``, ``growing_nll`` of all up to it).
    temper_on : str, optional
        Split, not "test", on which each point is tempered for another ensemble of all up to it (``tempered_error``,
        ``tempered_nll``): its outputs are divided by the ``temperature`` at which its negative log-likelihood there is
        lowest (Guo et al. 2017, arXiv:1706.04599). It needs ``ensemble``; None: there is none.
    augmented : (Tensor, Tensor), optional
        Inputs and targets, (N, ...) each, measured as the split "augmented" beside ``splits``; None: none.
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Precision, batches, statistics of batch norm; by default exact to float32 rounding.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); those of ``ensemble``
        stand in another beside it, ``<journal>.ensemble``. None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless ``loss``, ``error`` and ``nll`` (the cross-entropy without whatever else the loss has; both
        where the targets are classes) and what the options add, over (split, t). Of ``loss``, ``error``, ``nll`` and
        ``regularized_loss`` there are over (split,) the statistics of `path_statistics`, such as ``loss_maximum`` and
        ``loss_barrier``. The coordinate ``length`` is that of the path up to t, over the parameters (of a `Curve`:
        over what it gives); ``curve_length`` that of the whole, ``end_distance`` of the straight line between the
        ends, ``length_ratio`` their ratio; ``network_t``, where each network is.

    Raises
    ------
    ValueError
        For a value out of its range, and, naming the first difference, for a network of another shape.

    References
    ----------
    Garipov et al. 2018, arXiv:1802.10026, figure 2.

    Examples
    --------
    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> others = [torch.nn.Linear(2, 3).state_dict() for _ in range(2)]
    >>> path(problem, through=others, points=3).t.values
    array([0. , 0.5, 1. , 1.5, 2. ])
    """
    if temper_on is not None and not ensemble:
        raise ValueError("temper_on is of ensembles, and ensemble is false")
    if augmented is not None:
        splits = [*problem.select(splits), "augmented"]
        problem = Problem(
            problem.model, problem.loss, {**problem.data, "augmented": augmented}, problem.metrics
        )
    curve = way_through(problem, through, statistics)
    grid = curve.grid(points)
    passes = 2 if ensemble else 1
    dataset = evaluate(
        _with_nll(problem, splits),
        grid,
        splits=splits,
        engine=engine,
        journal=journal,
        progress=_part(progress, 0, passes),
        attributes={"survey": "path", **described(curve, statistics), "digest": curve.digest()},
    )
    dataset = with_regularized_loss(dataset, problem, grid, weight_decay)
    if ensemble:
        beside = None if journal is None else f"{journal}.ensemble"
        averaged = ensembles_along(
            problem,
            grid,
            splits=splits,
            engine=engine,
            digest=curve.digest(),
            temper_on=temper_on,
            journal=beside,
            progress=_part(progress, 1, passes),
        )
        dataset = dataset.assign(averaged.data_vars)
    dataset = with_lengths(dataset, problem, curve)
    dataset = dataset.assign(path_statistics(dataset, [name for name in _SUMMED_UP if name in dataset]))
    return with_networks(dataset, curve).transpose("split", "t", ...)


def way_through(problem: Problem, through: Networks | Curve | ControlledCurve, statistics: bool) -> Way:
    """The path of `path`: the lines from the problem's network through others, or the curve. ValueError as there."""
    if isinstance(through, ControlledCurve):
        return through.of(problem.model)
    return through if isinstance(through, Curve) else _polyline(problem, through, statistics)


def _polyline(problem: Problem, others: Networks, statistics: bool) -> Polyline:
    by_key = isinstance(others, Mapping)
    given = [others[key] for key in sorted(others)] if isinstance(others, Mapping) else others
    for k, other in enumerate(given, start=1):
        check_mixable(problem.model, other, f"network {k} of the path")
    start = (state if statistics else parameters)(problem.model)
    ends = [{name: other[name].detach().to(tensor) for name, tensor in start.items()} for other in given]
    return Polyline(ends if by_key else [start, *ends], measured=list(parameters(problem.model)))


def with_networks(dataset: xr.Dataset, curve: Way) -> xr.Dataset:
    """``dataset`` with where each network is, ``network_t``, if the path is of straight lines."""
    if isinstance(curve, Polyline):
        dataset["network_t"] = axis("network", curve.corners, "position of the network along the path")
    return dataset


def described(curve: Way, statistics: bool) -> dict[str, str]:
    """Attributes that tell what kind of path it is."""
    if isinstance(curve, Polyline):
        return {"path": "polyline", "statistics": "interpolated" if statistics else "of the first network"}
    return {"path": "curve"} | ({"family": repr(curve.family)} if isinstance(curve, ControlledCurve) else {})


def _with_nll(problem: Problem, splits: Sequence[str] | None) -> Problem:
    """The problem with the negative log-likelihood as a metric, where the targets are classes."""
    with evaluation_mode(problem.model), without_wrappers(problem.model):
        names = problem.select(splits)
        outputs = probed(problem, names)
    of_splits = [problem.data[split][1] for split in names]
    own = next((parameter.dtype for parameter in problem.model.parameters()), outputs.dtype)
    try:
        found = predictions(problem.loss, outputs, of_splits, rounded_to=own)
    except ValueError:  # of which nobody knows what they predict
        return problem
    if found is None or "nll" in problem.metrics:
        return problem
    nll = _nll_of(found)
    return Problem(problem.model, problem.loss, problem.data, {**problem.metrics, "nll": nll})


def _nll_of(predicted: Predictions) -> Loss:
    """Negative log-likelihood of what outputs predict, as a function of outputs and targets."""
    in_order = along_memory(cross_entropy)

    def nll(outputs: Tensor, targets: Tensor) -> Tensor:
        outputs = outputs.log() if predicted.are_probabilities else outputs
        return in_order(outputs if predicted.axis == 1 else outputs.movedim(predicted.axis, 1), targets)

    return nll


def with_lengths(dataset: xr.Dataset, problem: Problem, curve: Way) -> xr.Dataset:
    """``dataset``, over t among others, with the lengths of the path that `path` tells."""
    t = dataset["t"].values
    length = curve.lengths(t)
    straight = _end_distance(problem, curve, t)
    about = {"long_name": "length of the path up to t", "units": "1"}
    ratio = length[-1] / straight if straight > 0 else np.nan
    summary = {
        "curve_length": (length[-1], "length of the path"),
        "end_distance": (straight, "length of the straight line between the ends of the path"),
        "length_ratio": (ratio, "length of the path relative to the straight line between its ends"),
    }
    return dataset.assign_coords(length=("t", length, about)).assign(
        {
            name: ((), value, {"long_name": meaning, "units": "1"})
            for name, (value, meaning) in summary.items()
        }
    )


def _end_distance(problem: Problem, curve: Way, t: np.ndarray) -> float:
    if isinstance(curve, Curve):
        return float(curve.lengths(t[[0, -1]])[-1])
    first, last = state(problem.model), state(problem.model)
    curve.place(first, float(t[0]))
    curve.place(last, float(t[-1]))
    return norm({name: last[name].double() - first[name].double() for name in parameters(problem.model)})


def _part(progress: Progress | None, done_before: int, parts: int) -> Progress | None:
    """Report of one of ``parts`` passes of equally many points as a part of the whole."""
    if progress is None:
        return None
    return lambda done, total: progress(done_before * total + done, parts * total)
