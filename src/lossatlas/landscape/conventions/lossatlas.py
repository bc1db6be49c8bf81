"""The convention of this library."""

from collections.abc import Mapping

import torch
from torch import Tensor

from lossatlas.landscape.conventions.convention import Convention
from lossatlas.landscape.weight_space import Weights, state
from lossatlas.seeds import generator


def draw(weights: Mapping[str, Tensor], seed: int, index: int) -> Weights:
    """Standard normal entries, in float64 whatever the weights' dtype, from a stream for each ``index``.

    >>> weights = {"w": torch.zeros(2)}
    >>> draw(weights, 0, 1)["w"].equal(draw(weights, 0, 1)["w"])
    True
    """
    rng = generator(seed, "direction", index)
    return {
        name: torch.randn(tensor.shape, generator=rng, dtype=torch.float64)
        for name, tensor in weights.items()
    }


LOSSATLAS = Convention(
    states=state,
    draw=draw,
    rule_for_vectors=lambda rule: rule,  # as tensors of one filter
    clamps_variances=True,
    last_is_a_row=False,  # as in the paper: the matrix [w_0 - w_n; ...; w_(n-1) - w_n]
)
