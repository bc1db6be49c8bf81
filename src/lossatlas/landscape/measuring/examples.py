"""The loss of each example, from a function that gives the mean over a batch."""

import torch
from torch import Tensor
from torch.func import vmap

from lossatlas.landscape.problem import Loss


def example_losses(function: Loss, outputs: Tensor, targets: Tensor) -> Tensor:
    """``function`` of each example by itself, (N,), for ``outputs`` and ``targets`` of N examples.

    >>> example_losses(torch.nn.functional.mse_loss, torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1))
    tensor([1., 4.])
    """
    try:
        return vmap(function)(outputs.unsqueeze(1), targets.unsqueeze(1))
    except RuntimeError:  # a function that decides by the values, which vmap cannot follow
        return one_by_one(function, outputs, targets)


def one_by_one(function: Loss, outputs: Tensor, targets: Tensor) -> Tensor:
    """What `example_losses` gives, slowly, and for any function."""
    pairs = zip(outputs.split(1), targets.split(1), strict=True)
    return torch.stack([function(*pair) for pair in pairs])
