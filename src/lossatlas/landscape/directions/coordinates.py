"""Coordinate directions: along single weights."""

from collections.abc import Sequence

import torch

from lossatlas.landscape.directions.direction_set import DirectionSet, fixed_directions
from lossatlas.landscape.problem import Problem
from lossatlas.weight_space import Weights, parameters


class CoordinateDirections:
    """Along the weights of the given ``numbers``, one each, counted through the parameters in the network's order.

    So a surface of a network of two weights is that of its loss over the two.

    Parameters
    ----------
    numbers : sequence of int
        Which weights, from 0 on.

    Examples
    --------
    >>> from torch import nn
    >>> problem = Problem(nn.Linear(2, 1), nn.MSELoss(), {"train": (torch.ones(1, 2), torch.ones(1, 1))})
    >>> CoordinateDirections([1, 2]).of(problem).take(2)
    [{'weight': tensor([[0., 1.]]), 'bias': tensor([0.])}, {'weight': tensor([[0., 0.]]), 'bias': tensor([1.])}]
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = list(numbers)

    def of(self, problem: Problem) -> DirectionSet:
        """The directions at the network of ``problem``. ValueError for a weight that it does not have."""
        own = parameters(problem.model)
        directions = [_along(number, own) for number in self._numbers]
        return fixed_directions(
            "coordinates", directions, {"normalize": "none", "ignore": "none"}, problem.model
        )


def _along(number: int, own: Weights) -> Weights:
    total = sum(tensor.numel() for tensor in own.values())
    if not 0 <= number < total:
        raise ValueError(f"numbers: the network has weights 0 to {total - 1}, got {number}")
    direction = {name: torch.zeros_like(tensor) for name, tensor in own.items()}
    for tensor in direction.values():
        if number < tensor.numel():
            tensor.view(-1)[number] = 1.0
            break
        number -= tensor.numel()
    return direction
