"""Bezier curves in weight space."""

from dataclasses import dataclass
from math import comb

import numpy as np

from lossatlas.landscape.shapes.families import CurveFamily, located


@dataclass(frozen=True)
class Bezier(CurveFamily):
    """From each end to the next the Bezier curve of degree bends + 1.

    With one bend it is (1 - t)^2 w_0 + 2 t (1 - t) w_1 + t^2 w_2, as in Garipov et al. 2018 (arXiv:1802.10026,
    section 3); with more, Bernstein polynomials of higher degree. Through more than two ends it is a chain of such
    curves, with a corner at each end.

    >>> Bezier(bends=1).coefficients(0.5, points=3)
    [0.25, 0.5, 0.25]
    >>> Bezier(bends=1).derivative(0.0, points=3)
    [-2.0, 2.0, 0.0]
    >>> Bezier(bends=2).points(ends=3)
    7
    """

    def corners(self, points: int) -> list[float]:  # noqa: D102
        return np.linspace(0.0, 1.0, len(self.ends(points))).tolist()

    def support(self, t: float, points: int) -> tuple[int, list[float]]:  # noqa: D102
        degree = self.ends(points).step
        piece, u = located(t, (points - 1) // degree)
        return piece * degree, _bernstein(degree, u)

    def support_of_derivative(self, t: float, points: int) -> tuple[int, list[float]]:  # noqa: D102
        degree = self.ends(points).step
        pieces = (points - 1) // degree
        piece, u = located(t, pieces)
        below = [0.0, *_bernstein(degree - 1, u), 0.0]  # B'_k = degree (B_{k-1} - B_k), of one degree less
        return piece * degree, [pieces * degree * (below[k] - below[k + 1]) for k in range(degree + 1)]


def _bernstein(degree: int, u: float) -> list[float]:
    """Bernstein polynomials of ``degree`` at ``u``, (degree + 1,)."""
    return [comb(degree, k) * u**k * (1.0 - u) ** (degree - k) for k in range(degree + 1)]
