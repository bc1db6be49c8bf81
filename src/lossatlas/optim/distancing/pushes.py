"""Where the force of a kernel points: the hill itself, and the controls that it is compared with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from lossatlas.optim.distancing.distance import Layout
from lossatlas.seeds import generator


class Push(Protocol):
    """Sign and direction of the push that a centre gives."""

    @property
    def sign(self) -> int:
        """1: as the kernel's hill pushes, -1: the other way, 0: not at all."""

    def direction(
        self, layout: Layout, like: Sequence[Tensor], *, seed: int, number: int
    ) -> list[Tensor] | None:
        """Return the fixed direction of centre ``number``, of norm 1 in each group; None: away from the centre."""


class _Radial:
    sign: ClassVar[int]

    def direction(
        self, layout: Layout, like: Sequence[Tensor], *, seed: int, number: int
    ) -> list[Tensor] | None:
        return None


@dataclass(frozen=True)
class Away(_Radial):
    """Down the hill, away from the centre: the kernel as it is."""

    sign: ClassVar[int] = 1


@dataclass(frozen=True)
class Toward(_Radial):
    """Attraction, a control: the same size, towards the centre."""

    sign: ClassVar[int] = -1


@dataclass(frozen=True)
class Nothing(_Radial):
    """No force, a control: distances and kernels are measured all the same."""

    sign: ClassVar[int] = 0


@dataclass(frozen=True)
class RandomDirection:
    """A push as strong as the hill's at the same distance, in a direction that has nothing to do with the centre.

    The direction is Gaussian, drawn once for each centre, from the seed and the centre's number, and kept.

    >>> from lossatlas.optim.distancing.distance import Distance
    >>> layout = Distance().layout(torch.nn.Linear(2, 1))
    >>> weight, bias = RandomDirection().direction(layout, [torch.zeros(1, 2), torch.zeros(1)], seed=0, number=0)
    >>> torch.cat([weight.flatten(), bias]).norm()
    tensor(1.)
    """

    sign: ClassVar[int] = 1

    def direction(  # noqa: D102
        self, layout: Layout, like: Sequence[Tensor], *, seed: int, number: int
    ) -> list[Tensor] | None:
        random = generator(seed, "random push", number)
        drawn = [torch.randn(tensor.shape, generator=random).double() for tensor in like]
        norms = layout.by_group(layout.squared_norms(drawn).sqrt())
        return [(part / norm).to(tensor) for part, norm, tensor in zip(drawn, norms, like, strict=True)]
