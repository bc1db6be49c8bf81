"""Kernels: functions of x = a D, the squared distance from a centre times the precision, that fall from 1 at x = 0.

With a = 1 / (2 sigma^2) each is written in its docstring as a function of D and sigma as well.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Kernel(Protocol):
    """Radial kernel, a hill around a centre: f(x), for x >= 0 of any shape."""

    def value(self, x: Tensor) -> Tensor:
        """Return f(x)."""

    def derivative(self, x: Tensor) -> Tensor:
        """Return f'(x)."""


@dataclass(frozen=True)
class RBF:
    """exp(-x), which is exp(-D / (2 sigma^2)): the kernel of the distance-kernel thesis (von Bachmann 2021).

    >>> RBF().value(torch.tensor([0.0, 1.0])), RBF().derivative(torch.tensor([0.0, 1.0]))
    (tensor([1.0000, 0.3679]), tensor([-1.0000, -0.3679]))
    """

    def value(self, x: Tensor) -> Tensor:  # noqa: D102
        return torch.exp(-x)

    def derivative(self, x: Tensor) -> Tensor:  # noqa: D102
        return -torch.exp(-x)


@dataclass(frozen=True)
class Laplace:
    """exp(-sqrt(2 x)), which is exp(-sqrt(D) / sigma).

    It has a peak at x = 0, where the push has a size but no direction: the derivative there is given as 0.

    >>> Laplace().value(torch.tensor([0.0, 2.0])), Laplace().derivative(torch.tensor([0.0, 2.0]))
    (tensor([1.0000, 0.1353]), tensor([ 0.0000, -0.0677]))
    """

    def value(self, x: Tensor) -> Tensor:  # noqa: D102
        return torch.exp(-math.sqrt(2) * x.sqrt())

    def derivative(self, x: Tensor) -> Tensor:  # noqa: D102
        root = math.sqrt(2) * x.sqrt()
        return torch.where(x > 0, -torch.exp(-root) / root, 0.0)


@dataclass(frozen=True)
class Cauchy:
    """1 / (1 + 2 x), which is 1 / (1 + D / sigma^2): the inverse quadratic, whose push has the longest reach.

    >>> Cauchy().value(torch.tensor([0.0, 0.5])), Cauchy().derivative(torch.tensor([0.0, 0.5]))
    (tensor([1.0000, 0.5000]), tensor([-2.0000, -0.5000]))
    """

    def value(self, x: Tensor) -> Tensor:  # noqa: D102
        return 1 / (1 + 2 * x)

    def derivative(self, x: Tensor) -> Tensor:  # noqa: D102
        return -2 / (1 + 2 * x).square()


@dataclass(frozen=True)
class Tanh:
    """1 - tanh(x), which is 1 - tanh(D / (2 sigma^2)).

    Taken as 2 / (1 + exp(2 x)), which keeps its digits where tanh(x) is close to 1.

    >>> Tanh().value(torch.tensor([0.0, 1.0])), Tanh().derivative(torch.tensor([0.0, 1.0]))
    (tensor([1.0000, 0.2384]), tensor([-1.0000, -0.4200]))
    """

    def value(self, x: Tensor) -> Tensor:  # noqa: D102
        return 2 * torch.sigmoid(-2 * x)

    def derivative(self, x: Tensor) -> Tensor:  # noqa: D102
        return -4 * torch.sigmoid(-2 * x) * torch.sigmoid(2 * x)
