"""Direction of a kernel's force: repulsion, and the controls: attraction, none, a random direction."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from lossatlas.optim.distancing.distance import Slices
from lossatlas.seeds import generator


class Push(Protocol):
    """Sign and direction of the push that a centre gives."""

    @property
    def sign(self) -> int:
        """1: as the kernel's hill pushes, -1: the other way, 0: not at all."""

    def direction(self, centre: Tensor, slices: Slices, *, seed: int, number: int) -> Tensor | None:
        """Return the fixed direction of the ``centre`` of that number, of norm 1 in each group; None: away from it."""


class _Radial:
    sign: ClassVar[int]

    def direction(self, centre: Tensor, slices: Slices, *, seed: int, number: int) -> Tensor | None:
        return None


@dataclass(frozen=True)
class Away(_Radial):
    """Repel: down the hill, away from the centre: the kernel as it is."""

    sign: ClassVar[int] = 1


@dataclass(frozen=True)
class Toward(_Radial):
    """Attract (control): the same size, towards the centre."""

    sign: ClassVar[int] = -1


@dataclass(frozen=True)
class Nothing(_Radial):
    """None (control): no force; distances and kernels are measured all the same."""

    sign: ClassVar[int] = 0


@dataclass(frozen=True)
class RandomDirection:
    """Random direction (control): a push as strong as the hill's, in a direction unrelated to the centre.

    The direction is Gaussian, drawn once for each centre, from the seed and the centre's number, and kept.

    >>> direction = RandomDirection().direction(torch.zeros(5), Slices((3, 2)), seed=0, number=0)
    >>> Slices((3, 2)).squared_norms(direction)
    tensor([1., 1.])
    """

    sign: ClassVar[int] = 1

    def direction(  # noqa: D102
        self, centre: Tensor, slices: Slices, *, seed: int, number: int
    ) -> Tensor | None:
        drawn = torch.randn(len(centre), generator=generator(seed, "random push", number)).double()
        return (drawn / slices.expand(slices.squared_norms(drawn).sqrt())).to(centre)
