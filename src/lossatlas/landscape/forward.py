"""Forward passes of a network whose weights change from point to point."""

from typing import Protocol

from torch import Tensor, nn

from lossatlas.landscape.engine import Engine


class Forward(Protocol):
    """A network's forward pass."""

    name: str  # of the kind, for the dataset's attributes

    def refresh(self) -> None:
        """Take up the network's present weights; called once a point, before any pass."""

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs for a batch."""


class Plain:
    """The network's own forward pass.

    >>> import torch
    >>> forward = Plain(nn.Identity())
    >>> forward(torch.ones(1))
    tensor([1.])
    """

    name = "module"

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    def refresh(self) -> None:
        """Nothing to do: the network computes with its own weights."""

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs for a batch."""
        return self._model(inputs)


def fitting_forward(model: nn.Module, inputs: Tensor, engine: Engine) -> Forward:
    """The fastest forward pass of ``model`` that ``engine`` allows, tried on ``inputs``."""
    return Plain(model)
