"""Lines in weight space. All tensors are written in place: nothing is allocated at a point."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from lossatlas.landscape.shapes.combination import Basis, Combination
from lossatlas.landscape.shapes.grid import Grid, axis, evenly, symmetric
from lossatlas.weight_space import Weights, check_alike, clamp_variances, matching, variance_names

_ALONG = "distance from the centre in units of the direction"


@dataclass(frozen=True, eq=False)
class Line:
    """The line centre + alpha * direction.

    Parameters
    ----------
    centre : dict
        Tensors by name.
    direction : dict
        Tensors of the same names and shapes.
    clamp : bool, default True
        Whether running variances that fall below zero become zero, where the direction moves them.

    Raises
    ------
    ValueError
        If the direction's names or shapes are not the centre's.

    Examples
    --------
    >>> line = Line({"w": torch.tensor([1.0, 1.0])}, {"w": torch.tensor([0.0, 2.0])})
    >>> line.place(out := {"w": torch.empty(2)}, 0.5)
    >>> out["w"]
    tensor([1., 2.])
    """

    centre: Weights
    direction: Weights
    clamp: bool = True

    def __post_init__(self) -> None:
        check_alike(self.centre, self.direction, "the direction")

    def place(self, out: Weights, alpha: float) -> None:
        """Write the weights at ``alpha`` into ``out``."""
        targets = matching(out, self.centre)
        torch._foreach_copy_(targets, list(self.centre.values()))
        torch._foreach_add_(targets, list(self.direction.values()), alpha=alpha)
        clamp_variances(out, self._clamped)

    def combine(self, alpha: float) -> Combination:
        """The weights at ``alpha`` as a linear combination of the centre and the direction."""
        return Combination(self._basis, (1.0, alpha))

    @cached_property
    def _basis(self) -> Basis:
        return self.centre, self.direction

    @cached_property
    def _clamped(self) -> list[str]:
        return variance_names(self.centre) if self.clamp else []

    def grid(self, points: int = 51, *, extent: float = 1.0) -> Grid:
        """``points`` points, evenly over alpha in [-extent, extent]."""
        return Grid({"alpha": axis("alpha", symmetric(extent, points), _ALONG)}, self.place, self.combine)


class Bundle:
    """Several lines through one centre; ``draw(k)`` gives direction k, of which one at a time is kept.

    Parameters
    ----------
    centre : dict
        Tensors by name.
    draw : callable
        From k to direction k, tensors of the same names and shapes.
    clamp : bool, default True
        Whether running variances that fall below zero become zero, where the direction moves them.

    Examples
    --------
    >>> bundle = Bundle({"w": torch.ones(1)}, lambda k: {"w": torch.full((1,), 10.0**k)})
    >>> bundle.place(out := {"w": torch.empty(1)}, 2, 0.5)
    >>> out["w"]
    tensor([51.])
    """

    def __init__(self, centre: Weights, draw: Callable[[int], Weights], clamp: bool = True) -> None:
        self._centre = centre
        self._draw = draw
        self._clamp = clamp
        self._line: tuple[int, Line] | None = None

    def place(self, out: Weights, direction: float, alpha: float) -> None:
        """Write the weights at ``alpha`` along line number ``direction`` into ``out``."""
        self._at(int(direction)).place(out, alpha)

    def combine(self, direction: float, alpha: float) -> Combination:
        """The weights at ``alpha`` along line number ``direction`` as a linear combination."""
        return self._at(int(direction)).combine(alpha)

    def _at(self, k: int) -> Line:
        if self._line is None or self._line[0] != k:
            self._line = (k, Line(self._centre, self._draw(k), self._clamp))
        return self._line[1]

    def grid(self, directions: int, points: int = 51, *, extent: float = 1.0) -> Grid:
        """``points`` points along each of ``directions`` lines. ValueError if there are no directions."""
        if directions < 1:
            raise ValueError(f"directions must be >= 1, got {directions}")
        which = axis("direction", np.arange(directions), "number of the direction")
        along = axis("alpha", symmetric(extent, points), _ALONG)
        return Grid({"direction": which, "alpha": along}, self.place, self.combine)


@dataclass(frozen=True, eq=False)
class Segment:
    """The line through two points: ``start`` at alpha 0 and ``end`` at alpha 1, both to the last bit.

    Parameters
    ----------
    start, end : dict
        Tensors by name.
    clamp : bool, default True
        Whether running variances that fall below zero beyond the ends become zero.

    Raises
    ------
    ValueError
        If the two ends differ in names or shapes.

    Examples
    --------
    >>> segment = Segment({"w": torch.tensor([0.1])}, {"w": torch.tensor([0.7])})
    >>> segment.place(out := {"w": torch.empty(1)}, 1.0)
    >>> out["w"]
    tensor([0.7000])
    """

    start: Weights
    end: Weights
    clamp: bool = True

    def __post_init__(self) -> None:
        check_alike(self.start, self.end, "the other network")

    def place(self, out: Weights, alpha: float) -> None:
        """Write the weights at ``alpha`` into ``out``."""
        targets = matching(out, self.start)
        torch._foreach_copy_(targets, list(self.start.values()))
        torch._foreach_lerp_(targets, list(self.end.values()), alpha)
        if self.clamp:
            clamp_variances(out, self._variances)

    def combine(self, alpha: float) -> Combination:
        """The weights at ``alpha`` as a linear combination of the two ends."""
        return Combination(self._basis, (1.0 - alpha, alpha))

    @cached_property
    def _basis(self) -> Basis:
        return self.start, self.end

    def negative_variances(self, alpha: float) -> int:
        """How many running variances are below zero at ``alpha`` before they are clamped."""
        at_alpha = (torch.lerp(self.start[name], self.end[name], alpha) for name in self._variances)
        return sum(int((variance < 0).sum()) for variance in at_alpha)

    @cached_property
    def _variances(self) -> list[str]:
        return variance_names(self.start)

    def grid(self, points: int = 401, *, low: float = -0.5, high: float = 1.5) -> Grid:
        """``points`` points, evenly over alpha in [low, high]."""
        meaning = "position between the two networks, at 0 and 1"
        return Grid({"alpha": axis("alpha", evenly(low, high, points), meaning)}, self.place, self.combine)
