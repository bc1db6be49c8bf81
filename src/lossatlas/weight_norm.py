"""Weight norm of torch, in both its forms: computed so that it can be differentiated twice."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _WeightNorm
from torch.nn.utils.parametrize import ParametrizationList
from torch.nn.utils.weight_norm import WeightNorm


@contextmanager
def exact_weight_norm(model: nn.Module) -> Iterator[None]:
    """Have weight norm compute g v / |v| by operations whose second derivatives torch has right, in the block.

    Its own operation has not: the backward pass of ``torch._weight_norm`` takes the norms of v for constants, so that
    the second derivatives by v are others than differences of its first ones (torch 2.15).

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> before = layer.weight
    >>> with exact_weight_norm(layer):
    ...     torch.allclose(layer.weight, before)
    True
    """
    with ExitStack() as stack:
        for owner, method, exact in _normed(model):
            if method not in vars(owner):  # else it is replaced already, by a block around this one
                setattr(owner, method, exact)
                stack.callback(delattr, owner, method)
        yield


def _normed(model: nn.Module) -> Iterator[tuple[Any, str, Callable[..., Tensor]]]:
    """What computes a weight, its method, and what to have in place of that."""
    for module in model.modules():
        for part in module if isinstance(module, ParametrizationList) else ():
            if isinstance(part, _WeightNorm):
                yield part, "forward", _of_parametrization(part)
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, WeightNorm):
                yield hook, "compute_weight", _of_hook(hook)


def _of_parametrization(part: Any) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda lengths, filters: _weight(filters, lengths, part.dim)


def _of_hook(hook: WeightNorm) -> Callable[[nn.Module], Tensor]:
    def weight(module: nn.Module) -> Tensor:
        lengths, filters = (getattr(module, f"{hook.name}_{letter}") for letter in "gv")
        return _weight(filters, lengths, hook.dim)

    return weight


def _weight(filters: Tensor, lengths: Tensor, dim: int) -> Tensor:
    """``dim``: along which there is a length for each slice; -1: one of all together."""
    over = tuple(axis for axis in range(filters.ndim) if axis != dim)
    return filters * (lengths / torch.linalg.vector_norm(filters, dim=over, keepdim=dim != -1))
