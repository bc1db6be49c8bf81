"""Polygonal chains in weight space."""

from dataclasses import dataclass

import numpy as np

from lossatlas.landscape.shapes.families import CurveFamily, located


@dataclass(frozen=True)
class PolygonalChain(CurveFamily):
    """The straight lines from each control point to the next, each over an equal part of [0, 1].

    That of Garipov et al. 2018 (arXiv:1802.10026, section 3) has one bend.

    >>> PolygonalChain(bends=1).coefficients(0.25, points=3)
    [0.5, 0.5, 0.0]
    >>> PolygonalChain(bends=1).derivative(0.25, points=3)
    [-2.0, 2.0, 0.0]
    """

    def corners(self, points: int) -> list[float]:  # noqa: D102
        self.ends(points)
        return np.linspace(0.0, 1.0, points).tolist()

    def support(self, t: float, points: int) -> tuple[int, list[float]]:  # noqa: D102
        self.ends(points)
        line, u = located(t, points - 1)
        return line, [1.0 - u, u]

    def support_of_derivative(self, t: float, points: int) -> tuple[int, list[float]]:  # noqa: D102
        self.ends(points)
        line, _ = located(t, points - 1)
        return line, [float(1 - points), float(points - 1)]
