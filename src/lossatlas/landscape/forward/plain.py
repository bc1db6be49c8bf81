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
        """Outputs for a batch, `widened`."""


def widened(values: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """``values`` in ``dtype`` if they are in half precision, in which a loss has two or three digits; else as they are.

    >>> widened(torch.ones(1, dtype=torch.bfloat16)).dtype, widened(torch.ones(1, dtype=torch.int64)).dtype
    (torch.float32, torch.int64)
    """
    return values.to(dtype) if values.is_floating_point() and values.dtype.itemsize < 4 else values


def wide_dtype(model: nn.Module) -> torch.dtype:
    """Dtype in which the loss of ``model`` is taken: that of its first parameter, or float32 if that is narrower.

    >>> wide_dtype(nn.Linear(1, 1).bfloat16()), wide_dtype(nn.Linear(1, 1).double())
    (torch.float32, torch.float64)
    """
    own = next((parameter.dtype for parameter in model.parameters()), torch.float32)
    return own if own.itemsize >= 4 else torch.float32


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
        self._wide = wide_dtype(model)

    def refresh(self, combination: Combination | None = None) -> None:
        """Nothing to do: the network computes with its own weights."""

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs for a batch, `widened`."""
        if self._reduced is None:
            return widened(self._model(inputs))
        with torch.autocast(inputs.device.type, self._reduced):
            outputs = self._model(inputs)
        return widened(outputs, self._wide)
