"""The network's own forward pass."""

from typing import Protocol

import torch
from torch import Tensor, nn

from lossatlas.landscape.shapes.combination import Combination


class Forward(Protocol):
    """A network's forward pass."""

    name: str  # of the kind, for the dataset's attributes

    def refresh(self, combination: Combination | None = None) -> None:
        """Take up the network's present weights; called once a point, before any pass.

        They are ``combination``, if that is given, which may save work.
        """

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs for a batch."""


class Plain:
    """The network's own forward pass, in the precision of its weights, or in ``reduced`` by torch's autocast.

    >>> forward = Plain(nn.Identity())
    >>> forward(torch.ones(1))
    tensor([1.])
    """

    name = "module"

    def __init__(self, model: nn.Module, reduced: torch.dtype | None = None) -> None:
        self._model = model
        self._reduced = reduced

    def refresh(self, combination: Combination | None = None) -> None:
        """Nothing to do: the network computes with its own weights."""

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs for a batch."""
        if self._reduced is None:
            return self._model(inputs)
        with torch.autocast(inputs.device.type, self._reduced):
            outputs = self._model(inputs)
        return outputs.to(inputs.dtype)
