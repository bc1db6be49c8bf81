"""Coordinate directions: along single weights."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from lossatlas.landscape.directions.direction_set import DirectionSet, fixed_directions
from lossatlas.landscape.problem import Problem
from lossatlas.weight_space import Weights, inner, parameters


class CoordinateDirections:
    """Along the weights of the given ``numbers``, one each, counted through the parameters in the network's order.

    So a surface of a network of two weights is that of its loss over the two.

    Parameters
    ----------
    numbers : sequence of int
        Which weights, from 0 on.
    origin : sequence of float, optional
        Values of these weights at the origin of lines and planes, so that with zeros coordinates are the weights
        themselves, whatever network is surveyed; None: the network's own.

    Raises
    ------
    ValueError
        For an origin of another number of weights, or with an origin for a weight that is named twice.

    Examples
    --------
    >>> from torch import nn
    >>> problem = Problem(nn.Linear(2, 1), nn.MSELoss(), {"train": (torch.ones(1, 2), torch.ones(1, 1))})
    >>> CoordinateDirections([1, 2]).of(problem).take(2)
    [{'weight': tensor([[0., 1.]]), 'bias': tensor([0.])}, {'weight': tensor([[0., 0.]]), 'bias': tensor([1.])}]
    """

    def __init__(self, numbers: Sequence[int], origin: Sequence[float] | None = None) -> None:
        self._numbers = list(numbers)
        self._origin = None if origin is None else list(origin)
        if origin is not None and len(set(self._numbers)) != len(self._numbers):
            raise ValueError(f"numbers: each weight has one value at the origin, got {self._numbers}")
        if origin is not None and len(origin) != len(self._numbers):
            raise ValueError(f"origin: expected {len(self._numbers)} values, one a weight, got {origin}")

    def of(self, problem: Problem) -> DirectionSet:
        """The directions at the network of ``problem``. ValueError for a weight that it does not have."""
        own = parameters(problem.model)
        directions = [_along(number, own) for number in self._numbers]
        options = {"normalize": "none", "ignore": "none"}
        if self._origin is None:
            return fixed_directions("coordinates", directions, options, problem.model)
        along = zip(self._origin, directions, strict=True)
        more: dict[str, Any] = {"origin": " ".join(f"{value:g}" for value in self._origin)}
        for k, (value, direction) in enumerate(along):
            more[f"network_{k}"] = inner(own, direction) - value
        found = fixed_directions("coordinates", directions, options, problem.model, **more)
        return replace(found, centre=_set_to(self._origin, directions, own))


def _set_to(values: Sequence[float], directions: Sequence[Weights], weights: Weights) -> Weights:
    """``weights`` with these ``values`` of the single weights that ``directions`` are along."""
    moved = {name: tensor.clone() for name, tensor in weights.items()}
    for value, direction in zip(values, directions, strict=True):
        for name, tensor in moved.items():
            tensor[direction[name] != 0] = value
    return moved


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
