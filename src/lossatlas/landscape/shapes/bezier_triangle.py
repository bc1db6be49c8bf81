"""Bezier triangles: surfaces in weight space through three networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import factorial, isclose, prod
from typing import ClassVar

import numpy as np
import torch

from lossatlas.landscape.shapes.combination import Basis, Combination
from lossatlas.landscape.shapes.grid import axis
from lossatlas.weight_space import Weights, check_alike, matching

Place = tuple[float, float, float]
"""Barycentric coordinates on a triangle: shares of its three corners, which sum to 1."""


@dataclass(frozen=True)
class BezierTriangle:
    """Surfaces (u, v, w) -> sum of c_ijk(u, v, w) w_ijk over i + j + k = bends + 1, through their three corners.

    The coefficients are the Bernstein polynomials (bends + 1)! / (i! j! k!) u^i v^j w^k. Along each side the surface is
    the Bezier curve of that side's control points. Control points stand in the order (2, 0, 0), (1, 1, 0), (1, 0, 1),
    (0, 2, 0), (0, 1, 1), (0, 0, 2) for one bend, and likewise for more.

    Parameters
    ----------
    bends : int, default 1
        Control points inside each side; 0: a flat triangle. From 2 on there are some inside the triangle, too.

    Raises
    ------
    ValueError
        For a negative number of bends.

    References
    ----------
    Farin 1986, Triangular Bernstein-Bezier patches.

    Examples
    --------
    >>> BezierTriangle().points(), list(BezierTriangle().ends(6))
    (6, [0, 3, 5])
    >>> BezierTriangle().coefficients((0.5, 0.5, 0.0), 6)  # in the middle of a side
    [0.25, 0.5, 0.0, 0.25, 0.0, 0.0]
    """

    bends: int = 1

    middle: ClassVar[Place] = (1 / 3, 1 / 3, 1 / 3)

    def __post_init__(self) -> None:
        if self.bends < 0:
            raise ValueError(
                f"bends counts the control points inside a side and must be >= 0, got {self.bends}"
            )

    @classmethod
    def of_points(cls, points: int) -> "BezierTriangle":
        """The surfaces of so many control points. ValueError where there are none.

        >>> BezierTriangle.of_points(3), BezierTriangle.of_points(6)
        (BezierTriangle(bends=0), BezierTriangle(bends=1))
        """
        known = {cls(bends).points(): cls(bends) for bends in range(points)}
        if points not in known:
            raise ValueError(f"a Bezier triangle has 3, 6, 10, ... control points, got {points}")
        return known[points]

    def points(self, ends: int = 3) -> int:
        """Number of control points. ValueError unless there are three ``ends``."""
        if ends != 3:
            raise ValueError(f"a triangle needs three ends, its corners, got {ends}")
        return len(self._powers)

    def ends(self, points: int) -> Sequence[int]:
        """Which of the control points are the corners. ValueError for another number of ``points``."""
        powers = self._powers
        if points != len(powers):
            raise ValueError(
                f"a triangle of {self.bends} bends has {len(powers)} control points, got {points}"
            )
        return [k for k, each in enumerate(powers) if max(each) == self.bends + 1]

    def coefficients(self, place: Place, points: int) -> list[float]:
        """How much each control point weighs at ``place``; they sum to 1. ValueError for a place outside."""
        self.ends(points)
        if min(place) < 0 or not isclose(sum(place), 1, abs_tol=1e-9):
            raise ValueError(f"a place on a triangle is three shares that sum to 1, got {place}")
        whole = factorial(self.bends + 1)
        return [
            whole
            / prod(map(factorial, each))
            * prod(share**power for share, power in zip(place, each, strict=True))
            for each in self._powers
        ]

    def straight(self, ends: int) -> list[list[float]]:
        """The control points of a flat triangle as combinations of its corners, (points, 3)."""
        self.points(ends)
        return [[power / (self.bends + 1) for power in each] for each in self._powers]

    def draw(self, generator: torch.Generator) -> Place:
        """A place from the uniform distribution on the triangle."""
        low, high = torch.rand(2, generator=generator, dtype=torch.float64).sort().values.tolist()
        return low, high - low, 1.0 - high

    @property
    def _powers(self) -> list[tuple[int, int, int]]:
        """(i, j, k) of each control point."""
        chosen = combinations_with_replacement(range(3), self.bends + 1)
        return [(each.count(0), each.count(1), each.count(2)) for each in chosen]


class TrianglePoints:
    """Places on a surface, evenly spread, ``side`` along each side. ValueError for control points that span none.

    >>> corners = [{"w": torch.tensor(w)} for w in ([0.0, 0.0], [2.0, 0.0], [0.0, 4.0])]
    >>> flat = TrianglePoints(corners, side=3)
    >>> flat.places[1]
    (0.5, 0.5, 0.0)
    >>> flat.weights_at(1, out := {"w": torch.empty(2)})
    >>> out["w"]
    tensor([1., 0.])
    """

    def __init__(self, control_points: Sequence[Weights], side: int) -> None:
        if side < 2:
            raise ValueError(f"side counts the points along a side and must be >= 2, got {side}")
        for k, point in enumerate(control_points[1:], start=1):
            check_alike(control_points[0], point, f"control point {k}")
        self.family = BezierTriangle.of_points(len(control_points))
        self._basis: Basis = tuple(control_points)
        self.places: list[Place] = [
            ((side - 1 - i) / (side - 1), (i - j) / (side - 1), j / (side - 1))
            for i in range(side)
            for j in range(i + 1)
        ]
        self.axes = {
            "point": axis("point", np.arange(len(self.places)), "number of the place on the triangle")
        }

    def __len__(self) -> int:
        return len(self.places)

    def combination_at(self, index: int) -> Combination:
        """The weights of place ``index`` as a linear combination of the control points."""
        return Combination(self._basis, tuple(self.family.coefficients(self.places[index], len(self._basis))))

    def weights_at(self, index: int, out: Weights) -> None:
        """Write the weights of place ``index`` into ``out``, at a corner to the last bit."""
        basis, coefficients = self.combination_at(index)
        targets = matching(out, basis[0])
        first, *more = [pair for pair in zip(basis, coefficients, strict=True) if pair[1] != 0.0]
        torch._foreach_copy_(targets, list(first[0].values()))
        if first[1] != 1.0:
            torch._foreach_mul_(targets, first[1])
        for point, coefficient in more:
            torch._foreach_add_(targets, list(point.values()), alpha=coefficient)
