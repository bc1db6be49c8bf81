"""Surfaces for a ball to roll on: losses that are a function of the position."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, isfinite, radians, sin, sqrt
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor


class CriticalPoint(NamedTuple):
    """Place at which a surface is level.

    Parameters
    ----------
    kind : {"minimum", "saddle", "maximum"}
        By the surface around it.
    place : tuple of float
        Its d coordinates.
    height : float
        Of the surface there.
    """

    kind: str
    place: tuple[float, ...]
    height: float


class Surface(ABC):
    """A height at every place of d dimensions. As a loss it is the mean height of a batch; targets do not count."""

    @abstractmethod
    def heights(self, places: Tensor) -> Tensor:
        """Return the height, (...), at each of ``places``, (..., d)."""

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean height at the ``outputs``, (B, d), of a `Point`."""
        return self.heights(outputs).mean()

    @property
    def critical_points(self) -> tuple[CriticalPoint, ...]:
        """All that are isolated, in two dimensions where the surface has any number; none where they are not known."""
        return ()

    def _level_at(self, **places: Sequence[Sequence[float]]) -> tuple[CriticalPoint, ...]:
        """Critical points of each kind at these places, with their heights."""
        return tuple(
            CriticalPoint(
                kind,
                tuple(map(float, place)),
                self.heights(torch.tensor(place, dtype=torch.float64)).item(),
            )
            for kind, of_kind in places.items()
            for place in of_kind
        )


@dataclass(frozen=True)
class Cubic(Surface):
    """x^3 - x^2 along the first dimension, the square of each further one.

    A valley with its lowest place at x = 2/3, -4/27 high, is closed by a pass at x = 0, of height 0. Beyond it the
    cubic falls without end; here it falls to x = ``floor``, from where on the ground is level along x, so that a ball
    that has left the valley comes to rest. In the valley the curvature is 2 in every direction. ValueError unless floor
    is below 0.

    >>> Cubic().heights(torch.tensor([[2 / 3, 0.0], [0.0, 0.0], [0.0, 0.5], [-9.0, 0.0]]))
    tensor([-0.1481,  0.0000,  0.2500, -2.0000])
    """

    floor: float = -1.0

    def __post_init__(self) -> None:
        if not self.floor < 0:
            raise ValueError(f"floor must lie beyond the pass at 0, got {self.floor}")

    def heights(self, places: Tensor) -> Tensor:  # noqa: D102
        x = places[..., 0].clamp(min=self.floor)
        return x**3 - x**2 + places[..., 1:].square().sum(-1)

    @property
    def critical_points(self) -> tuple[CriticalPoint, ...]:  # noqa: D102
        return self._level_at(minimum=[(2 / 3, 0.0)], saddle=[(0.0, 0.0)])


@dataclass(frozen=True)
class Quadratic(Surface):
    """Half the sum of squares, each times its ``curvatures``: a bowl, a ravine where they differ much, or a saddle.

    >>> Quadratic([1.0, -4.0]).heights(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([ 2., -2.])
    """

    curvatures: Sequence[float]

    def heights(self, places: Tensor) -> Tensor:  # noqa: D102
        return (places.square() @ torch.as_tensor(self.curvatures).to(places)) / 2

    @property
    def critical_points(self) -> tuple[CriticalPoint, ...]:
        """The place of all zeros, unless a curvature is zero, which leaves lines that are level."""
        signs = {curvature > 0 for curvature in self.curvatures}
        kind = "saddle" if len(signs) > 1 else "minimum" if True in signs else "maximum"
        return () if 0 in self.curvatures else self._level_at(**{kind: [[0.0] * len(self.curvatures)]})


@dataclass(frozen=True)
class Slope(Surface):
    """A plane that rises by its ``gradient``, (d,), everywhere: momentum comes to a terminal velocity there.

    >>> Slope([1.0, -2.0]).heights(torch.tensor([[2.0, 0.0], [1.0, 1.0]]))
    tensor([ 2., -1.])
    """

    gradient: Sequence[float]

    def heights(self, places: Tensor) -> Tensor:  # noqa: D102
        return places @ torch.as_tensor(self.gradient).to(places)


@dataclass(frozen=True)
class Pit(Surface):
    """A pit on the side of a bowl: half of curvature |w|^2, less depth exp(-(x - place)^2 / (2 width^2)).

    The pit lies across the first coordinate, x. A minimum is in it if depth / (width sqrt(e)), its steepest slope, is
    above curvature x ``place``, about the bowl's slope there; in its middle the curvature along x is curvature +
    depth / width^2.

    Parameters
    ----------
    curvature : float, default 0.2
        Of the bowl, whose lowest place is at the origin.
    depth, width : float, default 0.4 and 0.1
        Of the pit; the width above 0.
    place : float, default 1.5
        Its middle, along x.

    Raises
    ------
    ValueError
        Unless the width is above 0.

    Examples
    --------
    >>> Pit(place=2.0).heights(torch.tensor([[0.0], [2.0]]))
    tensor([0., 0.])
    """

    curvature: float = 0.2
    depth: float = 0.4
    width: float = 0.1
    place: float = 1.5

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise ValueError(f"width must be > 0, got {self.width}")

    def heights(self, places: Tensor) -> Tensor:  # noqa: D102
        away = (places[..., 0] - self.place) / self.width
        return self.curvature * places.square().sum(-1) / 2 - self.depth * torch.exp(-(away**2) / 2)


@dataclass(frozen=True)
class Bowl(Surface):
    """Bowl of a given condition number: half of u^2 + condition v^2, with u and v the axes turned by an angle.

    Gradient descent with the rate 2 / (1 + condition), the best there is, multiplies the distance from the minimum by
    at most (condition - 1) / (condition + 1) a step; it diverges beyond the rate 2 / condition. A method that scales
    each coordinate by itself, such as Adam, sees the condition number only where the angle is not 0 or 90.

    Parameters
    ----------
    condition : float, default 10.0
        Ratio of the largest to the smallest curvature, which is 1; at least 1. A large one makes a ravine.
    angle : float, default 0.0
        Of the flattest direction against the first axis, in degrees.

    Raises
    ------
    ValueError
        For a condition number below 1, or an angle that is not finite.

    References
    ----------
    Nesterov 2004, Introductory Lectures on Convex Optimization, section 2.1.5.

    Examples
    --------
    >>> Bowl(condition=4.0).heights(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([2., 2.])
    """

    condition: float = 10.0
    angle: float = 0.0

    def __post_init__(self) -> None:
        if not (self.condition >= 1 and isfinite(self.condition)):
            raise ValueError(f"condition must be a number >= 1, got {self.condition}")
        if not isfinite(self.angle):
            raise ValueError(f"angle must be finite, in degrees, got {self.angle}")

    def heights(self, places: Tensor) -> Tensor:  # noqa: D102
        x, y = _coordinates(places)
        turn = radians(self.angle)
        along = cos(turn) * x + sin(turn) * y
        across = cos(turn) * y - sin(turn) * x
        return (along**2 + self.condition * across**2) / 2

    @property
    def critical_points(self) -> tuple[CriticalPoint, ...]:  # noqa: D102
        return self._level_at(minimum=[(0.0, 0.0)])


@dataclass(frozen=True)
class Rosenbrock(Surface):
    """Rosenbrock's banana: (a - x)^2 + b (y - x^2)^2, a curved valley that falls slowly to (a, a^2), of height 0.

    The Hessian there has trace 2 + 2b + 8 b a^2 and determinant 4b: for a = 1 and b = 100 the curvatures 1001.6 and
    0.399, a condition number of 2508.

    Parameters
    ----------
    a : float, default 1.0
        Where along x the minimum lies.
    b : float, default 100.0
        How steep the valley's walls are; above 0.

    Raises
    ------
    ValueError
        Unless b is above 0.

    References
    ----------
    Rosenbrock 1960, An automatic method for finding the greatest or least value of a function.

    Examples
    --------
    >>> Rosenbrock().heights(torch.tensor([[1.0, 1.0], [-1.2, 1.0]]))
    tensor([ 0.0000, 24.2000])
    """

    a: float = 1.0
    b: float = 100.0

    def __post_init__(self) -> None:
        if not self.b > 0:
            raise ValueError(f"b must be > 0, got {self.b}")

    def heights(self, places: Tensor) -> Tensor:  # noqa: D102
        x, y = _coordinates(places)
        return (self.a - x) ** 2 + self.b * (y - x**2) ** 2

    @property
    def critical_points(self) -> tuple[CriticalPoint, ...]:  # noqa: D102
        return self._level_at(minimum=[(self.a, self.a**2)])


@dataclass(frozen=True)
class Beale(Surface):
    """Beale's function: the sum over i = 1, 2, 3 of (c_i - x (1 - y^i))^2 with c = (1.5, 2.25, 2.625).

    One minimum, (3, 0.5) of height 0, with the curvatures 48.98 and 0.301; two saddles, (0, 1) with the curvatures
    27.75 and -27.75, and (0.1005, -2.6445). Far out along y = 1 the ground is a plateau, elsewhere it is steep.

    References
    ----------
    Beale 1958, On an iterative method for finding a local minimum of a function of more than one variable; Moré, Garbow
    & Hillstrom 1981, Testing unconstrained optimization software, problem 5, which begins at (1, 1).

    Examples
    --------
    >>> Beale().heights(torch.tensor([[3.0, 0.5], [0.0, 1.0]]))
    tensor([ 0.0000, 14.2031])
    """

    _TERMS: ClassVar[tuple[float, ...]] = (1.5, 2.25, 2.625)
    _FURTHER_SADDLE: ClassVar[tuple[float, float]] = (0.10053793732415825, -2.644513585023126)

    def heights(self, places: Tensor) -> Tensor:  # noqa: D102
        x, y = _coordinates(places)
        terms = [(c - x * (1 - y**power)) ** 2 for power, c in enumerate(self._TERMS, 1)]
        return torch.stack(terms).sum(0)

    @property
    def critical_points(self) -> tuple[CriticalPoint, ...]:  # noqa: D102
        return self._level_at(minimum=[(3.0, 0.5)], saddle=[(0.0, 1.0), self._FURTHER_SADDLE])


@dataclass(frozen=True)
class Himmelblau(Surface):
    """Himmelblau's function: (x^2 + y - 11)^2 + (x + y^2 - 7)^2, four minima of height 0 around a hill.

    The minima are (3, 2), (-2.805, 3.131), (-3.779, -3.283) and (3.584, -1.848), between which lie four saddles; the
    hill is (-0.271, -0.923), of height 181.6.

    References
    ----------
    Himmelblau 1972, Applied Nonlinear Programming.

    Examples
    --------
    >>> Himmelblau().heights(torch.tensor([[3.0, 2.0], [0.0, 0.0]]))
    tensor([  0., 170.])
    """

    _LEVEL: ClassVar[dict[str, list[tuple[float, float]]]] = {
        "minimum": [
            (3.0, 2.0),
            (-2.805118086952745, 3.131312518250573),
            (-3.779310253377747, -3.283185991286169),
            (3.5844283403304917, -1.8481265269644036),
        ],
        "saddle": [
            (3.385154183607021, 0.07385187983774928),
            (0.08667750455539634, 2.884254701174776),
            (-3.0730257507643897, -0.08135304428796752),
            (-0.12796134673068008, -1.9537149802445766),
        ],
        "maximum": [(-0.2708445906673476, -0.9230385564799813)],
    }

    def heights(self, places: Tensor) -> Tensor:  # noqa: D102
        x, y = _coordinates(places)
        return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2

    @property
    def critical_points(self) -> tuple[CriticalPoint, ...]:  # noqa: D102
        return self._level_at(**self._LEVEL)


@dataclass(frozen=True)
class Saddle(Surface):
    """Saddle of curvatures 1 and -1 between two minima: (x^2 - y^2) / 2 + walls y^4 / 4.

    A ball on the line y = 0 rolls to the saddle at the origin. The minima are (0, ±1 / sqrt(walls)), -1 / (4 walls)
    high, with the curvatures 1 and 2.

    Parameters
    ----------
    walls : float, default 1.0
        What the fall along y is stopped by; 0: nothing.

    Raises
    ------
    ValueError
        For walls below 0.

    References
    ----------
    Dauphin et al. 2014, arXiv:1406.2572, figure 1, on what a saddle does to Newton's method.

    Examples
    --------
    >>> Saddle().heights(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    tensor([-0.2500,  0.5000])
    """

    walls: float = 1.0

    def __post_init__(self) -> None:
        _check_walls(self.walls)

    def heights(self, places: Tensor) -> Tensor:  # noqa: D102
        x, y = _coordinates(places)
        return (x**2 - y**2) / 2 + self.walls * y**4 / 4

    @property
    def critical_points(self) -> tuple[CriticalPoint, ...]:  # noqa: D102
        far = [1 / sqrt(self.walls)] if self.walls else []
        return self._level_at(minimum=[(0.0, sign * y) for y in far for sign in (1, -1)], saddle=[(0.0, 0.0)])


@dataclass(frozen=True)
class MonkeySaddle(Surface):
    """Monkey saddle, with room for two legs and a tail: x^3 - 3 x y^2 + walls (x^2 + y^2)^2 / 4.

    Its Hessian at the origin is zero, so that neither a gradient nor a curvature leads away. The three minima lie at
    the distance 3 / walls, in the directions of 60, 180 and 300 degrees, and are -27 / (4 walls^3) high, with the
    curvatures 9 / walls along the way from the origin and 27 / walls across.

    Parameters
    ----------
    walls : float, default 3.0
        What the falls are stopped by; 0: nothing.

    Raises
    ------
    ValueError
        For walls below 0.

    References
    ----------
    Dauphin et al. 2014, arXiv:1406.2572, section 4, on degenerate saddles.

    Examples
    --------
    >>> MonkeySaddle().heights(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
    tensor([-0.2500,  1.7500])
    """

    walls: float = 3.0

    def __post_init__(self) -> None:
        _check_walls(self.walls)

    def heights(self, places: Tensor) -> Tensor:  # noqa: D102
        x, y = _coordinates(places)
        return x**3 - 3 * x * y**2 + self.walls * (x**2 + y**2) ** 2 / 4

    @property
    def critical_points(self) -> tuple[CriticalPoint, ...]:  # noqa: D102
        far = [3 / self.walls] if self.walls else []
        ways = [(-1.0, 0.0), (0.5, sqrt(3) / 2), (0.5, -sqrt(3) / 2)]
        return self._level_at(
            minimum=[(r * x, r * y) for r in far for x, y in ways],
            saddle=[(0.0, 0.0)],
        )


def _coordinates(places: Tensor) -> tuple[Tensor, Tensor]:
    """The coordinates x and y, (...) each, of ``places``, (..., 2). ValueError for places of other dimensions."""
    if places.shape[-1] != 2:
        raise ValueError(f"a surface over the plane, got places of {places.shape[-1]} dimensions")
    return places[..., 0], places[..., 1]


def _check_walls(walls: float) -> None:
    if not (walls >= 0 and isfinite(walls)):
        raise ValueError(f"walls must be a number >= 0, got {walls}")
