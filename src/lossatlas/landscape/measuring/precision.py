"""Error of measurements in reduced precision."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lossatlas.landscape.engine import Engine
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.grid import Points

_CHECKED = 9  # points


def precision_error(
    problem: Problem,
    points: Points,
    losses: NDArray[np.float64],
    *,
    splits: Sequence[str],
    engine: Engine,
    measured: NDArray[np.bool_] | None = None,
) -> dict[str, float | int]:
    """Attributes that say how far ``losses`` by ``engine``, (points, splits), are from those in float32.

    ``precision_error``: the largest difference at up to nine points, spread evenly from the first to the last
    of those that are ``measured`` (None: all), over the range of that split's losses; points where either
    is not finite are left out, and NaN says that none is left. Empty where the engine is exact already.
    """
    if engine.precision == "float32":
        return {}
    candidates = np.arange(len(points)) if measured is None else np.flatnonzero(measured)
    chosen = candidates[np.unique(np.linspace(0, len(candidates) - 1, _CHECKED).round().astype(int))]
    exact = _losses(problem, points, chosen, splits, replace(engine, precision="float32", per_class=False))
    spans = np.array([_span(column) for column in losses[candidates].T])
    both = np.isfinite(losses[chosen]) & np.isfinite(exact)
    differences = np.abs(np.subtract(losses[chosen], exact, out=np.zeros_like(exact), where=both))
    errors = np.divide(differences, spans, out=np.full_like(differences, np.inf), where=spans > 0)
    errors[differences == 0] = 0
    return {
        "precision_error": float(errors[both].max()) if both.any() else float("nan"),
        "precision_error_points": len(chosen),
    }


def _span(losses: NDArray[np.float64]) -> float:
    finite = losses[np.isfinite(losses)]
    return float(np.ptp(finite)) if finite.size else 0.0


def _losses(
    problem: Problem, points: Points, chosen: NDArray[np.int64], splits: Sequence[str], engine: Engine
) -> NDArray[np.float64]:
    """Losses at the points ``chosen``, (points, splits)."""
    with prepared(problem, splits=splits, engine=engine) as ready:
        rows = []
        for index in chosen:
            points.weights_at(int(index), ready.weights)
            values = ready.measure()
            rows.append(values[:: len(values) // len(splits)])
    return np.array(rows)
