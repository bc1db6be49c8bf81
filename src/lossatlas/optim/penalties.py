"""Penalties that are added to the training loss."""

from collections.abc import Mapping

import torch
from torch import Tensor


class L2:
    """L2 penalty: half of ``weight_decay`` times the sum of squares of all parameters, biases and scales included.

    Its gradient is weight_decay * w: for plain or momentum SGD the same as ``weight_decay`` of torch's
    optimizer, with which it should not be combined. ValueError if negative.

    >>> L2(0.1)({"weight": torch.tensor([3.0, 4.0])})
    tensor(1.2500)
    """

    def __init__(self, weight_decay: float) -> None:
        if not weight_decay >= 0:
            raise ValueError(f"weight_decay must be >= 0, got {weight_decay}")
        self.weight_decay = weight_decay

    def __call__(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """Return the penalty of ``parameters``, a scalar."""
        squares = [parameter.square().sum() for parameter in parameters.values()]
        return 0.5 * self.weight_decay * torch.stack(squares).sum()
