"""Bandwidth of a kernel: the precision a that turns a squared distance D into x = a D."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from lossatlas.optim.schedules import check_positive


class Width(Protocol):
    """Bandwidth: what gives a kernel around a centre its precision."""

    def precision(self, travelled: Tensor) -> Tensor:
        """Return a, (groups,), for a centre whose squared distance from the initialisation is ``travelled``."""


@dataclass(frozen=True)
class Sigma:
    """Fixed bandwidth: a = 1 / (2 sigma^2), equation 2.3 of the thesis' draft of 2020. ValueError unless positive.

    >>> Sigma(5.0).precision(torch.tensor([7.0]))
    tensor([0.0200])
    """

    sigma: float

    def __post_init__(self) -> None:
        check_positive("sigma", self.sigma)

    def precision(self, travelled: Tensor) -> Tensor:  # noqa: D102
        return torch.full_like(travelled, 1 / (2 * self.sigma**2))


@dataclass(frozen=True)
class InverseWidth:
    """Inverse bandwidth: a = w, the convention of the final thesis (von Bachmann 2021), exp(-w D) with w = 1 / sigma^2.

    Its sigma is sqrt(2) times that of `Sigma`. ValueError unless positive.

    >>> InverseWidth(0.001).precision(torch.tensor([7.0]))
    tensor([0.0010])
    """

    w: float

    def __post_init__(self) -> None:
        check_positive("w", self.w)

    def precision(self, travelled: Tensor) -> Tensor:  # noqa: D102
        return torch.full_like(travelled, self.w)


@dataclass(frozen=True)
class Travelled:
    """Adaptive bandwidth: a = 1 / (2 sigma^2), sigma ``multiple`` times the centre's distance from the initialisation.

    ValueError unless the multiple is positive, and for a centre that lies at the initialisation.

    >>> Travelled(0.5).precision(torch.tensor([8.0]))  # sigma^2 is a quarter of 8
    tensor([0.2500])
    """

    multiple: float

    def __post_init__(self) -> None:
        check_positive("multiple", self.multiple)

    def precision(self, travelled: Tensor) -> Tensor:  # noqa: D102
        if not bool((travelled > 0).all()):
            raise ValueError(
                "width is a multiple of the distance from the initialisation to the checkpoint, which is 0: "
                "expected a checkpoint that has moved, or a width of its own, such as Sigma"
            )
        return 1 / (2 * self.multiple**2 * travelled)
