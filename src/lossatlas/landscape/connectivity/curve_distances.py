"""Distances between curves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from lossatlas import __version__
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.landscape.shapes.grid import axis
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import Weights, norm, parameters, state

_PAIR = ("curve", "other")


@survey(products=0)  # nor anything else of the network: an estimate need not run it
def curve_distances(
    problem: Problem,
    *,
    curves: Sequence[ControlledCurve],
    points: int = 61,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Distances between trained ``curves``, such as two between the same ends (Garipov et al. 2018, supplement).

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    curves : sequence of ControlledCurve
        Two or more, with as many control points as each other.
    points : int, default 61
        Number of t in [0, 1] at which the curves are compared.
    journal : str or Path, optional
        Not used: the network measures nothing.
    progress : callable, optional
        Called before and after, as if there were one point; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless, over the parameters: ``end_distance`` over (curve,), between the first and the last control
        point; ``bend_distance`` over (curve, other), the farthest that a control point of one is from that of the
        same number of the other; ``distance`` over (curve, other, t), between the points of both at t; and
        ``relative_bend_distance``, the bend distance over the mean end distance of the two.

    Raises
    ------
    ValueError
        For fewer than two curves, for curves of different numbers of control points, and, naming the first
        difference, for those of another network.

    References
    ----------
    Garipov et al. 2018, arXiv:1802.10026.

    Examples
    --------
    >>> import torch
    >>> from lossatlas.landscape import PolygonalChain
    >>> model = torch.nn.Linear(1, 2, bias=False)
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (torch.zeros(2, 1), torch.zeros(2, 2))})
    >>> ends, bends = [[0.0, 0.0], [4.0, 0.0]], ([2.0, 3.0], [2.0, -1.0])
    >>> corners = [[{"weight": torch.tensor(w)[:, None]} for w in (ends[0], bend, ends[1])] for bend in bends]
    >>> dataset = curve_distances(problem, curves=[ControlledCurve(PolygonalChain(), each) for each in corners])
    >>> dataset.bend_distance.values[0], dataset.end_distance.values, dataset.relative_bend_distance.values[0]
    (array([0., 4.]), array([4., 4.]), array([0., 1.]))
    """
    if len(curves) < 2:
        raise ValueError(f"distances are between two curves or more, got {len(curves)}")
    numbers = [len(curve.control_points) for curve in curves]
    if len(set(numbers)) > 1:
        raise ValueError(f"curves must have as many control points as each other, got {numbers}")
    report = progress or (lambda done, total: None)
    report(0, 1)
    along = [curve.of(problem.model) for curve in curves]
    t = np.linspace(0.0, 1.0, points)
    names = list(parameters(problem.model))
    at_t = [[_at(problem, curve, position) for position in t.tolist()] for curve in along]
    distance = _pairwise(at_t, names)  # (curve, other, t)
    bends = _pairwise([curve.control_points for curve in along], names).max(-1)
    ends = np.array([_apart(curve.control_points[0], curve.control_points[-1], names) for curve in along])
    variables = {
        "distance": ((*_PAIR, "t"), distance, "distance of two curves at the same t"),
        "bend_distance": (_PAIR, bends, "farthest distance of control points of the same number"),
        "end_distance": (("curve",), ends, "distance between the ends of the curve"),
        "relative_bend_distance": (
            _PAIR,
            2 * bends / (ends[:, None] + ends),
            "bend distance relative to the distance between the ends",
        ),
    }
    report(1, 1)
    which = np.arange(len(curves))
    return xr.Dataset(
        {
            name: (dims, values, {"long_name": meaning, "units": "1"})
            for name, (dims, values, meaning) in variables.items()
        },
        {
            "curve": axis("curve", which, "number of the curve"),
            "other": axis("other", which, "number of the other curve"),
            "t": axis("t", t, "position along the curve"),
        },
        {
            "survey": "curve_distances",
            "digest": "; ".join(curve.digest() for curve in along),
            "torch": str(torch.__version__),
            "lossatlas": __version__,
        },
    )


def _at(problem: Problem, curve: ControlledCurve, t: float) -> Weights:
    curve.place(here := state(problem.model), t)
    return here


def _apart(one: Weights, other: Weights, names: Sequence[str]) -> float:
    return norm({name: one[name].double() - other[name].double() for name in names})


def _pairwise(networks: Sequence[Sequence[Weights]], names: Sequence[str]) -> np.ndarray:
    """Distances of networks at the same place of two sequences, (sequences, sequences, places)."""
    found = np.zeros((len(networks), len(networks), len(networks[0])))
    for row, one in enumerate(networks):
        for column, other in enumerate(networks[:row]):  # it is as far back
            apart = [_apart(*pair, names) for pair in zip(one, other, strict=True)]
            found[row, column] = found[column, row] = apart
    return found
