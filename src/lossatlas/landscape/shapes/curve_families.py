"""Families of curves in weight space between control points: Bezier curves and polygonal chains."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import ClassVar

import numpy as np
import torch


@dataclass(frozen=True)
class CurveFamily(ABC):
    """Curves t -> sum_k c_k(t) w_k for t in [0, 1], through every (bends + 1)-th of the control points w_k.

    Those are the *ends*, the others the *bends*. The curve from an end to the next is a *piece*; pieces take equal
    parts of [0, 1].

    Parameters
    ----------
    bends : int, default 1
        Control points between each two neighbouring ends; None: there are two ends, the first and the last point, and
        as many bends as there are points between them.

    Raises
    ------
    ValueError
        For a negative number of bends.
    """

    bends: int | None = 1

    middle: ClassVar[float] = 0.5

    def __post_init__(self) -> None:
        if self.bends is not None and self.bends < 0:
            raise ValueError(
                f"bends counts the control points between two ends and must be >= 0, got {self.bends}"
            )

    def points(self, ends: int = 2) -> int:
        """Number of control points of a curve through ``ends`` ends.

        ValueError for fewer than two, or if the number of bends is left open.
        """
        if ends < 2:
            raise ValueError(f"a curve needs at least two ends, got {ends}")
        if self.bends is None:
            raise ValueError("bends=None leaves open how many control points there are")
        return (ends - 1) * (self.bends + 1) + 1

    def ends(self, points: int) -> range:
        """Which of ``points`` control points are ends. ValueError if that many make no whole number of pieces."""
        step = points - 1 if self.bends is None else self.bends + 1
        if points < 2:
            raise ValueError(f"a curve needs at least two control points, its ends, got {points}")
        if (points - 1) % step:
            expected = ", ".join(str(self.points(ends)) for ends in (2, 3, 4))
            raise ValueError(
                f"a curve with {self.bends} bends between neighbouring ends has {expected}, ... control points, "
                f"got {points}"
            )
        return range(0, points, step)

    def coefficients(self, t: float, points: int) -> list[float]:
        """How much each of ``points`` control points weighs at ``t``; they sum to 1, and are 1 and zeros at an end.

        ValueError for a t outside [0, 1], or as `ends` raises it.
        """
        return self._spread(points, *self.support(t, points))

    def derivative(self, t: float, points: int) -> list[float]:
        """Derivatives of the coefficients by t; they sum to 0. Where the curve has a corner, those after it."""
        return self._spread(points, *self.support_of_derivative(t, points))

    @abstractmethod
    def corners(self, points: int) -> list[float]:
        """All t, ascending and from 0 to 1, between which the curve is smooth."""

    @abstractmethod
    def support(self, t: float, points: int) -> tuple[int, list[float]]:
        """The coefficients without zeros around them: number of the first control point, and what follows from there.

        The control points are the same for all t between two corners.
        """

    @abstractmethod
    def support_of_derivative(self, t: float, points: int) -> tuple[int, list[float]]:
        """As `support`, of the derivatives."""

    def straight(self, ends: int) -> list[list[float]]:
        """The control points of the straight lines through ``ends`` ends as combinations of them, (points, ends)."""
        lines, last = PolygonalChain(bends=0), self.points(ends) - 1
        return [lines.coefficients(k / last, ends) for k in range(last + 1)]

    def draw(self, generator: torch.Generator) -> float:
        """A t from the uniform distribution on [0, 1)."""
        return torch.rand((), generator=generator, dtype=torch.float64).item()

    @staticmethod
    def _spread(points: int, first: int, values: Sequence[float]) -> list[float]:
        return [*[0.0] * first, *values, *[0.0] * (points - first - len(values))]


def located(t: float, parts: int) -> tuple[int, float]:
    """Which of ``parts`` equal parts of [0, 1] holds ``t``, and where in it, in [0, 1].

    The border of two parts belongs to the second, and 1 to the last. ValueError for a t outside [0, 1].

    >>> located(0.375, 2), located(0.5, 2), located(1.0, 2)
    ((0, 0.75), (1, 0.0), (1, 1.0))
    """
    if not 0 <= t <= 1:
        raise ValueError(f"t is a position along the curve and must be in [0, 1], got {t}")
    part = min(int(t * parts), parts - 1)
    return part, t * parts - part


@dataclass(frozen=True)
class Bezier(CurveFamily):
    """From each end to the next the Bezier curve of degree bends + 1.

    With one bend it is (1 - t)^2 w_0 + 2 t (1 - t) w_1 + t^2 w_2; with more, Bernstein polynomials of higher degree.
    Through more than two ends it is a chain of such curves, with a corner at each end.

    Parameters
    ----------
    bends : int, default 1
        Control points between each two neighbouring ends; None: all but the first and the last.

    References
    ----------
    Garipov et al. 2018, arXiv:1802.10026, section 3.

    Examples
    --------
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


@dataclass(frozen=True)
class PolygonalChain(CurveFamily):
    """The straight lines from each control point to the next, each over an equal part of [0, 1].

    Parameters
    ----------
    bends : int, default 1
        Control points between each two neighbouring ends; None: all but the first and the last.

    References
    ----------
    Garipov et al. 2018, arXiv:1802.10026, section 3, with one bend.

    Examples
    --------
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
