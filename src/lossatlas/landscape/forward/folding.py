"""Batch-norm folding: in evaluation mode, into the layer before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(eq=False)
class Pair:
    """A layer, the batch norm after it, and the weight and bias of the one layer that does what they do."""

    layer: Any
    norm: Any
    weight: Tensor  # shaped as the layer's
    bias: Tensor  # (C,)


def paired(layer: nn.Module, norm: nn.Module) -> Pair:
    """Room for ``layer`` with ``norm`` folded in; `Folding` fills it."""
    weight: Tensor = layer.weight.detach()  # type: ignore[operator]
    return Pair(layer, norm, torch.empty_like(weight), weight.new_empty(len(weight)))


class Folding:
    """Keeps the folded weights of ``pairs`` up to date, all layers at once.

    With s = gamma / sqrt(variance + eps), the layer of weight s W and bias beta + s (b - mean) gives what the
    layer of weight W and bias b gives when normalised.

    >>> layer, norm = nn.Linear(1, 1), nn.BatchNorm1d(1, eps=0.0)
    >>> _ = layer.weight.data.fill_(3.0), layer.bias.data.fill_(5.0)
    >>> _ = norm.running_mean.fill_(1.0), norm.running_var.fill_(4.0)
    >>> pair = paired(layer, norm)
    >>> Folding([pair]).refresh()
    >>> pair.weight, pair.bias  # (3 x + 5 - 1) / 2
    (tensor([[1.5000]]), tensor([2.]))
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._folded = [pair.weight for pair in pairs]
        self._weights = [pair.layer.weight.detach() for pair in pairs]
        self._biases = [_or_constant(pair.layer.bias, pair.bias, 0.0) for pair in pairs]
        self._gammas = [_or_constant(pair.norm.weight, pair.bias, 1.0) for pair in pairs]
        self._betas = [_or_constant(pair.norm.bias, pair.bias, 0.0) for pair in pairs]
        self._means = [pair.norm.running_mean.detach() for pair in pairs]
        self._variances = [pair.norm.running_var.detach() for pair in pairs]
        self._eps = torch.cat([torch.full_like(pair.bias, pair.norm.eps) for pair in pairs])
        self._scale, self._shift = torch.empty_like(self._eps), torch.empty_like(self._eps)
        self._sizes = [len(pair.bias) for pair in pairs]
        self._scales = [
            part.view(-1, *[1] * (weight.ndim - 1))
            for part, weight in zip(self._scale.split(self._sizes), self._weights, strict=True)
        ]
        for pair, part in zip(pairs, self._shift.split(self._sizes), strict=True):
            pair.bias = part

    def refresh(self) -> None:
        """Fold the present weights."""
        torch.add(torch.cat(self._variances), self._eps, out=self._scale).rsqrt_()
        self._scale.mul_(torch.cat(self._gammas))
        torch.sub(torch.cat(self._biases), torch.cat(self._means), out=self._shift)
        self._shift.mul_(self._scale).add_(torch.cat(self._betas))
        torch._foreach_copy_(self._folded, self._weights)
        torch._foreach_mul_(self._folded, self._scales)


def _or_constant(tensor: Tensor | None, like: Tensor, value: float) -> Tensor:
    return torch.full_like(like, value) if tensor is None else tensor.detach()
