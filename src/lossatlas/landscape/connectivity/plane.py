"""The plane through three networks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from lossatlas.landscape.connectivity.regularized import with_regularized_loss
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.landscape.shapes.curves import Curve
from lossatlas.landscape.shapes.grid import axis
from lossatlas.landscape.shapes.plane import SIDES, Plane
from lossatlas.landscape.shapes.sequences import Concatenated, Networks
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import Weights, check_mixable, inner, norm, parameters, state, weights_digest

_Margin = float | Mapping[str, float]

Curves = Sequence[Curve | ControlledCurve] | Mapping[str, Curve | ControlledCurve]


@survey(products=None)
def plane(
    problem: Problem,
    *,
    others: Sequence[Mapping[str, Tensor]],
    points: int = 21,
    margin: _Margin = 0.2,
    curves: Curves = (),
    statistics: bool = True,
    weight_decay: float | None = None,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Loss and error over the plane through the network and two ``others`` (Garipov et al. 2018, figure 1).

    The network is at the origin, the first other on the x axis and the second above it; x and y are distances between
    parameters.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    others : sequence of two state dicts
        Networks of the same kind.
    points : int, default 21
        Points along each axis, >= 2, over the box around the three networks.
    margin : float or mapping, default 0.2
        Share of the box by which the grid is wider on each side, or one for each of "left", "right", "bottom" and
        "top".
    curves : sequence or mapping of curves, default ()
        `Curve` or `ControlledCurve` each, in a list or by name, whose projections are returned.
    statistics : bool, default True
        Whether running means and variances of batch norm are affine over the plane and those of the networks at
        these, variances below zero clamped to zero; else all points have the first network's. The paper computes them
        anew at each point, as ``engine.evaluation`` = "recompute" does.
    weight_decay : float, optional
        If given, >= 0, adds ``regularized_loss``: loss + weight_decay / 2 * sum(w**2) over all parameters.
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
        over (split, y, x); the networks' ``point_x`` and ``point_y`` over (point,), and ``point_loss`` and
        ``point_error``, measured at them, over (split, point); of ``curves``, over (curve, curve_t), the projections
        ``curve_x`` and ``curve_y``, and ``curve_distance`` from the plane.

    Raises
    ------
    ValueError
        For a value out of its range, for networks on one line, and, naming the first difference, for a network of
        another shape.

    References
    ----------
    Garipov et al. 2018, arXiv:1802.10026.

    Examples
    --------
    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> dataset = plane(problem, others=[torch.nn.Linear(2, 3).state_dict() for _ in range(2)], points=5)
    >>> dict(dataset.loss.sizes), dict(dataset.point_loss.sizes)
    ({'split': 1, 'y': 5, 'x': 5}, {'split': 1, 'point': 3})
    """
    if len(others) != 2:
        raise ValueError(f"a plane goes through the network and two others, got {len(others)} others")
    for which, other in zip(("second", "third"), others, strict=True):
        check_mixable(problem.model, other, f"the {which} network")
    first = (state if statistics else parameters)(problem.model)
    second, third = ({name: other[name].detach().to(own) for name, own in first.items()} for other in others)
    return _over_plane(
        problem,
        (first, second, third),
        points=points,
        margin=margin,
        curves=curves,
        about={"survey": "plane", "statistics": "affine" if statistics else "of the first network"},
        weight_decay=weight_decay,
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
    )


@survey(products=None)
def curve_plane(
    problem: Problem,
    *,
    curve: ControlledCurve,
    bend: int | None = None,
    points: int = 21,
    margin: _Margin = 0.2,
    curves: Curves = (),
    statistics: bool = True,
    weight_decay: float | None = None,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Loss and error over the plane through the two ends of ``curve`` and one of its bends, as `plane` has them.

    The first end is at the origin, the last on the x axis, the bend above it, and the curve is drawn, before further
    ``curves``. A curve of one bend lies in the plane; of another ``curve_distance`` says how far it is from it.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    curve : ControlledCurve
        Curve with a control point between its ends, of the problem's kind of network.
    bend : int, optional
        Number of a control point, counted from 0 at the first end; None: the middle one.
    points : int, default 21
        Points along each axis, >= 2, over the box around the three control points.
    margin : float or mapping, default 0.2
        Share of the box by which the grid is wider on each side, or one for each of "left", "right", "bottom" and
        "top".
    curves : sequence or mapping of curves, default ()
        `Curve` or `ControlledCurve` each, in a list or by name, whose projections are returned after that of
        ``curve``.
    statistics : bool, default True
        Whether running means and variances of batch norm are affine over the plane (`plane`); else all points have
        the network's.
    weight_decay : float, optional
        If given, >= 0, adds ``regularized_loss``: loss + weight_decay / 2 * sum(w**2) over all parameters.
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
        The variables of `plane`, the three points being the first end, the last and the bend.

    Raises
    ------
    ValueError
        As `plane` raises it, and for a bend that is an end of the curve or none of its control points.

    Examples
    --------
    >>> import torch
    >>> from lossatlas.landscape import Bezier
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> curve = ControlledCurve(Bezier(bends=1), [torch.nn.Linear(2, 3).state_dict() for _ in range(3)])
    >>> dataset = curve_plane(problem, curve=curve, points=5)
    >>> bool(abs(dataset.curve_x[0, -1] - dataset.point_x[1]) < 1e-6), bool(dataset.curve_distance.max() < 1e-6)
    (True, True)
    """
    along = curve.of(problem.model)
    first, last, third = (along.control_points[k] for k in _through(along, bend))
    names = (state if statistics else parameters)(problem.model)
    drawn = {"curve": along, **curves} if isinstance(curves, Mapping) else [along, *curves]
    return _over_plane(
        problem,
        tuple({name: point[name] for name in names} for point in (first, last, third)),
        points=points,
        margin=margin,
        curves=drawn,
        about={"survey": "curve_plane", "statistics": "affine" if statistics else "of the network"},
        weight_decay=weight_decay,
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
    )


def _through(curve: ControlledCurve, bend: int | None) -> tuple[int, int, int]:
    """Numbers of the control points that the plane goes through: the two ends and the bend."""
    last = len(curve.control_points) - 1
    if last < 2:
        raise ValueError("the curve has no control point between its ends, so there is no plane")
    third = (last + 1) // 2 if bend is None else bend
    if not 0 < third < last:
        raise ValueError(f"bend is a control point between the ends, 1 to {last - 1} here, got {bend}")
    return 0, last, third


def _over_plane(
    problem: Problem,
    networks: Sequence[Weights],
    *,
    points: int,
    margin: _Margin,
    curves: Curves,
    about: Mapping[str, str],
    weight_decay: float | None,
    **measuring: Any,
) -> xr.Dataset:
    """Survey of the plane through three ``networks``; ``measuring`` are those options of `evaluate`."""
    through = Plane.through(*networks, measured=list(parameters(problem.model)))
    assert through.marks is not None
    three = Networks(networks, "point", "number of the network")
    both = Concatenated([through.grid_around_marks(points, margin=margin), three])
    digests = "-".join(weights_digest(network)[:16] for network in networks)
    described = {**about, "margin": _in_words(margin), "networks": digests}
    measured = evaluate(problem, both, attributes=described, **measuring)
    surface, at_networks = both.split(with_regularized_loss(measured, problem, both, weight_decay))
    dataset = surface.merge(at_networks.rename({name: f"point_{name}" for name in at_networks.data_vars}))
    for name, values in zip(("x", "y"), through.marks.T, strict=True):
        mark = {"long_name": f"{name} of the network", "units": "1"}
        dataset[f"point_{name}"] = xr.Variable(("point",), values, mark)
    dataset = dataset.merge(_projected_curves(problem, through, curves))
    return dataset.transpose("split", "y", "x", "point", ...)


def _in_words(margin: _Margin) -> float | str:
    """The margin as an attribute."""
    if not isinstance(margin, Mapping):
        return margin
    return ", ".join(f"{side} {margin[side]:g}" for side in SIDES)


_POINTS = 61  # of a curve that are drawn


def _projected_curves(problem: Problem, plane: Plane, curves: Curves) -> xr.Dataset:
    """Projections of ``curves``, in a list or by name, on ``plane``, whose directions are orthonormal.

    Over (curve, curve_t), for t in [0, 1]: ``curve_x`` and ``curve_y``, the point of the plane nearest to the curve's,
    and ``curve_distance``, how far it is from that, over the parameters. Empty without curves.
    """
    if not curves:
        return xr.Dataset()
    names = list(curves) if isinstance(curves, Mapping) else list(range(len(curves)))
    given = list(curves.values()) if isinstance(curves, Mapping) else list(curves)
    t = np.linspace(0.0, 1.0, _POINTS)
    seen = np.stack([_seen(problem, plane, curve, t) for curve in given])  # (curve, t, 3)
    meanings = {
        "curve_x": "x of the plane's point nearest to the curve's",
        "curve_y": "y of the plane's point nearest to the curve's",
        "curve_distance": "distance of the curve from the plane",
    }
    return xr.Dataset(
        {
            name: (("curve", "curve_t"), seen[..., k], {"long_name": meaning, "units": "1"})
            for k, (name, meaning) in enumerate(meanings.items())
        },
        {
            "curve": xr.Variable(("curve",), names, {"long_name": "which curve", "units": "1"}),
            "curve_t": axis("curve_t", t, "position along the curve"),
        },
    )


def _seen(problem: Problem, plane: Plane, curve: Curve | ControlledCurve, t: np.ndarray) -> np.ndarray:
    """x, y and distance from the plane of the points of a curve, (T, 3)."""
    along = curve.of(problem.model) if isinstance(curve, ControlledCurve) else curve
    names, here = list(parameters(problem.model)), state(problem.model)
    axes = [_parameters_of(direction, names) for direction in (plane.direction_x, plane.direction_y)]
    seen = []
    for position in t.tolist():
        along.place(here, position)
        offset = {name: here[name].double() - plane.centre[name].double() for name in names}
        x, y = (inner(offset, direction) for direction in axes)
        beside = {name: offset[name] - x * axes[0][name] - y * axes[1][name] for name in names}
        seen.append((x, y, norm(beside)))
    return np.array(seen)


def _parameters_of(direction: Weights, names: Sequence[str]) -> Weights:
    return {name: direction[name].double() for name in names}
