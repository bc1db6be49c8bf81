"""Reduction of checkpoints to the centres of the distance penalty: each, their mean, or the last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

Point = Sequence[Tensor]  # the counted parameters, in order


class Merging(Protocol):
    """Reduction of checkpoints to centres."""

    @property
    def least(self) -> int:
        """How many checkpoints it asks for in all."""

    def __call__(self, checkpoints: Sequence[Point]) -> list[Point]:
        """Return the centres, of ``checkpoints`` in the order in which they were taken."""


@dataclass(frozen=True)
class EachCheckpoint:
    """Each checkpoint is a centre: no reduction.

    >>> EachCheckpoint()([[torch.tensor(1.0)], [torch.tensor(3.0)]])
    [[tensor(1.)], [tensor(3.)]]
    """

    least: ClassVar[int] = 1

    def __call__(self, checkpoints: Sequence[Point]) -> list[Point]:  # noqa: D102
        return list(checkpoints)


@dataclass(frozen=True)
class MeanOfCheckpoints:
    """Mean: one centre, the mean of all checkpoints with equal weights, however many have come.

    >>> MeanOfCheckpoints()([[torch.tensor(1.0)], [torch.tensor(3.0)], [torch.tensor(8.0)]])
    [[tensor(4.)]]
    """

    least: ClassVar[int] = 2

    def __call__(self, checkpoints: Sequence[Point]) -> list[Point]:  # noqa: D102
        if len(checkpoints) < 2:
            return list(checkpoints)
        return [[torch.stack(tensors).mean(0) for tensors in zip(*checkpoints, strict=True)]]


@dataclass(frozen=True)
class LastCheckpoint:
    """Last: one centre, the checkpoint that was taken last.

    >>> LastCheckpoint()([[torch.tensor(1.0)], [torch.tensor(3.0)]])
    [[tensor(3.)]]
    """

    least: ClassVar[int] = 1

    def __call__(self, checkpoints: Sequence[Point]) -> list[Point]:  # noqa: D102
        return list(checkpoints[-1:])
