"""The convention of the code published with Li et al. 2018 (arXiv:1712.09913)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lossatlas.landscape.conventions.convention import Convention, Rule
from lossatlas.landscape.weight_space import Weights


def draw(weights: Mapping[str, Tensor], seed: int, index: int) -> Weights:
    """Standard normal entries in float32, tensor after tensor, one direction after the other from one stream.

    As after ``torch.manual_seed(seed)``. The original code seeds before it builds its network, whose
    initialisation draws from the same stream first, so its own directions cannot be had from the seed alone.

    >>> _ = torch.manual_seed(123)
    >>> draw({"w": torch.zeros(2), "v": torch.zeros(1)}, 123, 0)["w"].equal(torch.randn(2))
    True
    """
    rng = torch.Generator().manual_seed(seed)
    for _ in range(index + 1):
        drawn = {name: torch.randn(tensor.shape, generator=rng) for name, tensor in weights.items()}
    return drawn


def states(model: nn.Module) -> Weights:
    """The whole state dict in its order, counters of batches included: each takes part in the drawing.

    >>> list(states(nn.BatchNorm1d(2)))
    ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']
    """
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _weights_themselves(_: Tensor, weights: Tensor) -> Tensor:
    return weights


def _rule_for_vectors(_: Rule) -> Rule:
    return _weights_themselves  # the parameter itself is its direction


LI2018 = Convention(
    states=states,
    draw=draw,
    rule_for_vectors=_rule_for_vectors,
    clamps_variances=False,
    last_is_a_row=True,  # of zeros, which moves the mean that PCA subtracts
)
