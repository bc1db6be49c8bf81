"""Conventions: what codes for landscapes do differently; this library's own way, and that of Li et al. 2018."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lossatlas.choices import chosen
from lossatlas.seeds import generator
from lossatlas.weight_space import Weights, state

Rule = Callable[[Tensor, Tensor], Tensor]
"""From a direction and the weights, of one shape, to the rescaled direction."""


def states(model: nn.Module) -> Weights:
    """The whole state dict in its order, counters of batches included: each takes part in the drawing.

    >>> list(states(nn.BatchNorm1d(2)))
    ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']
    """
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _draw(weights: Mapping[str, Tensor], seed: int, index: int) -> Weights:
    """Standard normal entries, in float64 whatever the weights' dtype, from a stream for each ``index``.

    >>> weights = {"w": torch.zeros(2)}
    >>> _draw(weights, 0, 1)["w"].equal(_draw(weights, 0, 1)["w"])
    True
    """
    rng = generator(seed, "direction", index)
    return {
        name: torch.randn(tensor.shape, generator=rng, dtype=torch.float64)
        for name, tensor in weights.items()
    }


@dataclass(frozen=True)
class Convention:
    """How random directions are drawn, what becomes of small tensors, and of variances below zero."""

    states: Callable[[nn.Module], Weights]  # parameters and running statistics, in the order of drawing
    draw: Callable[[Mapping[str, Tensor], int, int], Weights]  # Gaussian direction of a seed and a number
    rule_for_vectors: Callable[[Rule], Rule]  # of tensors of fewer than two dimensions, from that of others
    knows_lengths: bool  # the lengths of weight norm are vectors; else they are filters of one entry each
    clamps_variances: bool  # running variances that fall below zero become zero; else the loss is NaN there
    last_is_a_row: bool  # of the matrix whose principal components span the plane of a trajectory
    curvature: str  # by which parameters second derivatives are taken: "all", or "matrices"


_LOSSATLAS = Convention(
    states=state,
    draw=_draw,
    rule_for_vectors=lambda rule: rule,  # as tensors of one filter
    knows_lengths=True,
    clamps_variances=True,
    last_is_a_row=False,  # as in the paper: the matrix [w_0 - w_n; ...; w_(n-1) - w_n]
    curvature="all",
)


def _draw_li2018(weights: Mapping[str, Tensor], seed: int, index: int) -> Weights:
    """Standard normal entries in float32, tensor after tensor, one direction after the other from one stream.

    As after ``torch.manual_seed(seed)``. The original code seeds before it builds its network, whose
    initialisation draws from the same stream first, so its own directions cannot be had from the seed alone.

    >>> _ = torch.manual_seed(123)
    >>> _draw_li2018({"w": torch.zeros(2), "v": torch.zeros(1)}, 123, 0)["w"].equal(torch.randn(2))
    True
    """
    rng = torch.Generator().manual_seed(seed)
    for _ in range(index + 1):
        drawn = {name: torch.randn(tensor.shape, generator=rng) for name, tensor in weights.items()}
    return drawn


def _weights_themselves(_: Tensor, weights: Tensor) -> Tensor:
    return weights


def _rule_for_vectors(_: Rule) -> Rule:
    return _weights_themselves  # the parameter itself is its direction


_LI2018 = Convention(
    states=states,
    draw=_draw_li2018,
    rule_for_vectors=_rule_for_vectors,
    knows_lengths=False,
    clamps_variances=False,
    last_is_a_row=True,  # of zeros, which moves the mean that PCA subtracts
    curvature="matrices",  # its products leave out biases and the parameters of batch norm
)

_CONVENTIONS = {"lossatlas": _LOSSATLAS, "li2018": _LI2018}


def convention_named(name: str) -> Convention:
    """The convention ``name``, "lossatlas" or "li2018". ValueError for another name.

    >>> convention_named("li2018").clamps_variances
    False
    """
    return chosen("convention", name, _CONVENTIONS)
