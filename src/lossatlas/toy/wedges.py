"""Intersecting wedges: a landscape whose minima are high-dimensional and meet."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lossatlas.toy.surfaces import Surface


@dataclass(frozen=True)
class Wedges(Surface):
    """Intersecting wedges: the height of a place is its distance from the nearest of several flat sets of minima.

    A wedge is level in its *long* directions, all but a few of the axes, and rises as the distance from it along its
    ``short`` ones. With p on one wedge and q on another, the straight line from p to q rises to a b / (a + b), where a
    is the distance of q from the first wedge and b that of p from the second; no less than zero is needed, for
    ``crossing(p)`` and ``crossing(q)`` lie on both wedges, and the lines by way of them are level. Likewise a level
    surface joins three wedges and more. A random cut of d dimensions through p comes down to zero on a wedge of s
    short directions where d >= s; else the square of what is left is 1 - d / s of that at p in the mean.

    Parameters
    ----------
    short : sequence of sequences of int
        Short directions of each wedge, by the number of the axis.

    Raises
    ------
    ValueError
        Without a wedge, for a wedge without short directions, one that repeats a direction, and a negative number.

    References
    ----------
    Fort & Jastrzebski 2019, arXiv:1906.04724, whose model is of many wedges in many dimensions; the height is this
    project's choice.

    Examples
    --------
    >>> cross = Wedges([[0], [1]])  # the two axes of the plane
    >>> cross.heights(torch.tensor([[3.0, 0.0], [3.0, -1.0], [0.5, 2.0]]))
    tensor([0.0000, 1.0000, 0.5000])
    >>> cross.crossing(torch.tensor([3.0, 0.0]))
    tensor([0., 0.])
    """

    short: Sequence[Sequence[int]]

    def __post_init__(self) -> None:
        if not self.short:
            raise ValueError("short: expected the short directions of one wedge or more, got none")
        for wedge in self.short:
            if not wedge or len(set(wedge)) < len(wedge) or min(wedge) < 0:
                raise ValueError(
                    f"short: expected different axes from 0 on, one or more of each wedge, got {list(wedge)}"
                )

    @classmethod
    def random(cls, dimensions: int, *, wedges: int, short: int, seed: int = 0) -> "Wedges":
        """So many ``wedges`` with so many ``short`` directions each, drawn from all ``dimensions`` axes.

        ValueError for more short directions than dimensions.

        >>> [len(wedge) for wedge in Wedges.random(50, wedges=3, short=4).short]
        [4, 4, 4]
        """
        if not 0 < short <= dimensions:
            raise ValueError(f"short must be from 1 to {dimensions}, the dimensions, got {short}")
        draws = torch.Generator().manual_seed(seed)
        return cls([torch.randperm(dimensions, generator=draws)[:short].tolist() for _ in range(wedges)])

    def heights(self, places: Tensor) -> Tensor:  # noqa: D102
        self._check(places)
        return torch.stack([places[..., list(wedge)].norm(dim=-1) for wedge in self.short]).amin(0)

    def crossing(self, place: Tensor) -> Tensor:
        """The nearest place on all wedges at once, (..., d)."""
        self._check(place)
        nearest = place.clone()
        nearest[..., sorted({axis for wedge in self.short for axis in wedge})] = 0
        return nearest

    def _check(self, places: Tensor) -> None:
        last = max(map(max, self.short))
        if places.shape[-1] <= last:
            raise ValueError(
                f"wedges that are short along axis {last}, got places of {places.shape[-1]} dimensions"
            )
