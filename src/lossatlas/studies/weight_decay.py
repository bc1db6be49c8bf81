"""Where an optimizer's own weight decay would not be that of a network."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


def refuse_weight_decay(optimizer: Callable[[Iterable[Tensor]], Optimizer], why: str) -> None:
    """Raise ValueError, saying ``why``, if ``optimizer`` decays what it is given.

    >>> from functools import partial
    >>> decaying = partial(torch.optim.SGD, weight_decay=1e-4)
    >>> refuse_weight_decay(decaying, "would pull at the bends")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: optimizer.weight_decay=0.0001 would pull at the bends: type optimizer.weight_decay=0 regularizer=l2 ...
    """
    for group in optimizer([nn.Parameter(torch.zeros(1))]).param_groups:
        if decay := group.get("weight_decay", 0.0):
            raise ValueError(
                f"optimizer.weight_decay={decay} {why}: type optimizer.weight_decay=0 regularizer=l2 "
                f"regularizer.l2.weight_decay={decay}"
            )
