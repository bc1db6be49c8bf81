"""Permutations of a network's units."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossatlas.landscape.alignment.units import Place, UnitGroup
from lossatlas.weight_space import Weights

Orders = list[NDArray[np.int64]]
"""For each group of units which of the present units comes first, which second, and so on."""


def permuted(
    weights: Mapping[str, Tensor], groups: Sequence[UnitGroup], orders: Sequence[NDArray[np.int64]]
) -> Weights:
    """Permute units: ``weights`` with those of each of ``groups`` in the order that the one of ``orders`` says.

    A network of these weights computes the same function.

    Parameters
    ----------
    weights : mapping
        Tensors by name; they may lack some of the groups', such as running statistics, and what there is beside them
        stays.
    groups : sequence of UnitGroup
        As `unit_groups` finds them.
    orders : sequence of int arrays
        For each group, (units,): which of the present units comes first, which second, and so on.

    Returns
    -------
    dict
        Copies of the tensors by name.

    Raises
    ------
    ValueError
        For an order that does not name each unit once, and if there is not one for each group.

    Examples
    --------
    >>> from lossatlas.landscape.alignment import unit_groups
    >>> network = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1, bias=False))
    >>> weights = {"0.weight": torch.tensor([[1.0], [2.0]]), "0.bias": torch.tensor([3.0, 4.0])}
    >>> weights["2.weight"] = torch.tensor([[5.0, 6.0]])
    >>> permuted(weights, unit_groups(network), [np.array([1, 0])])["2.weight"]
    tensor([[6., 5.]])
    """
    if len(orders) != len(groups):
        raise ValueError(f"{len(groups)} groups of units need an order each, got {len(orders)}")
    moved = {name: tensor.detach() for name, tensor in weights.items()}
    for group, order in zip(groups, orders, strict=True):
        _check(order, group)
        for place in (place for place in group.places if place.tensor in moved):
            moved[place.tensor] = reordered(moved[place.tensor], place, order)
    return {name: tensor.clone() for name, tensor in moved.items()}


def random_orders(groups: Sequence[UnitGroup], seed: int) -> Orders:
    """Random permutations: a uniformly drawn order for each of ``groups``.

    Parameters
    ----------
    groups : sequence of UnitGroup
        As `unit_groups` finds them.
    seed : int
        Seed of the drawing.

    Returns
    -------
    list of int arrays
        For each group, (units,), as `permuted` takes them.

    Examples
    --------
    >>> from lossatlas.landscape.alignment import unit_groups
    >>> network = torch.nn.Sequential(torch.nn.Linear(1, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    >>> [sorted(order.tolist()) for order in random_orders(unit_groups(network), seed=0)]
    [[0, 1, 2, 3]]
    """
    rng = np.random.default_rng(seed)
    return [rng.permutation(group.size) for group in groups]


def reordered(tensor: Tensor, place: Place, order: NDArray[np.int64]) -> Tensor:
    """Copy of ``tensor`` in which the units that lie at ``place`` are in this ``order``."""
    to, come_from = (
        torch.from_numpy(index.reshape(-1)).to(tensor.device) for index in (place.index, place.index[order])
    )
    return tensor.index_copy(place.axis, to, tensor.index_select(place.axis, come_from))


def _check(order: NDArray[np.int64], group: UnitGroup) -> None:
    if sorted(order) != list(range(group.size)):
        named = f"{group.size} units of {group.places[0].tensor!r}"
        raise ValueError(
            f"an order of the {named} must name each once, 0 to {group.size - 1}, got {list(order)}"
        )
