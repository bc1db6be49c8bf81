"""Where curves are seen in a plane."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.controlled import ControlledCurve
from lossatlas.landscape.shapes.curves import Curve
from lossatlas.landscape.shapes.grid import axis
from lossatlas.landscape.shapes.plane import Plane
from lossatlas.landscape.weight_space import Weights, inner, norm, parameters, state

POINTS = 61  # of a curve that are drawn

Curves = Sequence[Curve | ControlledCurve] | Mapping[str, Curve | ControlledCurve]


def drawn_curves(problem: Problem, plane: Plane, curves: Curves) -> xr.Dataset:
    """Projections of ``curves``, in a list or by name, on ``plane``, whose directions are orthonormal.

    Over (curve, curve_t), for t in [0, 1]: ``curve_x`` and ``curve_y``, the point of the plane nearest to the curve's,
    and ``curve_distance``, how far it is from that, over the parameters. Empty without curves.
    """
    if not curves:
        return xr.Dataset()
    names = list(curves) if isinstance(curves, Mapping) else list(range(len(curves)))
    given = list(curves.values()) if isinstance(curves, Mapping) else list(curves)
    t = np.linspace(0.0, 1.0, POINTS)
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
