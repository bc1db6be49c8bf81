"""What a convention fixes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from lossatlas.landscape.weight_space import Weights

Rule = Callable[[Tensor, Tensor], Tensor]
"""From a direction and the weights, of one shape, to the rescaled direction."""


@dataclass(frozen=True)
class Convention:
    """How random directions are drawn, what becomes of small tensors, and of variances below zero."""

    states: Callable[[nn.Module], Weights]  # parameters and running statistics, in the order of drawing
    draw: Callable[[Mapping[str, Tensor], int, int], Weights]  # Gaussian direction of a seed and a number
    rule_for_vectors: Callable[[Rule], Rule]  # of tensors of fewer than two dimensions, from that of others
    clamps_variances: bool  # running variances that fall below zero become zero; else the loss is NaN there
    last_is_a_row: bool  # of the matrix whose principal components span the plane of a trajectory
