"""Rays from the centre, and where along them the loss first reaches a level."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, nan

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from lossatlas.landscape.measuring.prepared import PreparedProblem
from lossatlas.landscape.shapes.lines import Line

_STEEP = 10.0  # a loss counts for at most so many times the rise to the level, so that secants stay useful


@dataclass
class Ray:
    """The loss along a ray, as a function ``measure`` of the distance r >= 0; no r is measured twice.

    ``centre`` is the loss at 0. A loss that is NaN or infinite lies above every level.

    >>> ray = Ray(lambda r: 1 + r**2, centre=1.0)
    >>> [round(r, 6) for r in ray.crossings([1.25, 2.0, 1e3], [0.4, 0.8, 1.2], tolerance=1e-7)]
    [0.5, 1.0, inf]
    """

    measure: Callable[[float], float]
    centre: float
    known: dict[float, float] = field(default_factory=dict)

    @classmethod
    def along(cls, ready: PreparedProblem, line: Line, centre: float) -> "Ray":
        """The ray that ``line`` is, on the first split of ``ready``; ``centre`` is the loss at its beginning."""

        def loss(r: float) -> float:
            line.place(ready.weights, r)
            return ready.measure()[0]

        return cls(loss, centre)

    def loss(self, r: float) -> float:
        """Loss at distance ``r``."""
        if r not in self.known:
            self.known[r] = self.measure(r)
        return self.known[r]

    def crossings(self, levels: Sequence[float], marks: Sequence[float], *, tolerance: float) -> list[float]:
        """Smallest distance at which the loss reaches each of ``levels``, to within ``tolerance``.

        The loss is measured at the ``marks``, ascending, until it has reached all levels, and then between the
        mark that is the first at or above a level and the one before. A rise and fall between two marks is
        missed. 0 for a level that the centre is not below, inf for one that no mark reaches, and NaN for all
        if the loss at the centre is not finite.
        """
        if not isfinite(self.centre):
            return [nan for _ in levels]
        return [self._crossing(level, marks, tolerance) for level in levels]

    def _crossing(self, level: float, marks: Sequence[float], tolerance: float) -> float:
        if self.centre >= level:
            return 0.0
        inside = 0.0
        for mark in marks:
            if self._above(mark, level) >= 0:
                return self._root(inside, mark, level, tolerance)
            inside = mark
        return inf

    def _root(self, inside: float, outside: float, level: float, tolerance: float) -> float:
        """Where the loss is ``level`` between two distances, below it at one and not below at the other."""
        root = brentq(lambda r: self._above(r, level), inside, outside, xtol=tolerance / 2)
        return float(root)

    def _above(self, r: float, level: float) -> float:
        """How far the loss lies above ``level``, at most a multiple of how far the centre lies below."""
        most = _STEEP * (level - self.centre)
        above = (self.centre if r == 0 else self.loss(r)) - level
        return min(above, most) if isfinite(above) else most


def star_area(radii: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area within rays of lengths ``radii``, (angles, ...), at even angles, and an estimate of its error.

    The area is half the integral of r**2 over the angle, by the trapezoid rule, which converges fast for a
    smooth closed curve; the error is the change from half of the rays, and thus rather too large. Both are inf
    where a ray is. ValueError unless there is an even number of rays.

    >>> area, error = star_area(np.full(8, 2.0))  # a circle
    >>> bool(abs(area - 4 * np.pi) < 1e-12), bool(error < 1e-12)
    (True, True)
    """
    if len(radii) < 2 or len(radii) % 2:
        raise ValueError(f"angles must be even and >= 2, got {len(radii)}")
    area, coarse = (np.pi * (rays**2).mean(0) for rays in (radii, radii[::2]))
    with np.errstate(invalid="ignore"):
        return area, np.where(np.isinf(area), inf, abs(area - coarse))
