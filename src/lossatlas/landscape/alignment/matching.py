"""Weight matching: the permutation of one network's units in which they lie closest to another's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from lossatlas.landscape.alignment.permuting import Orders, permuted, reordered
from lossatlas.landscape.alignment.units import UnitGroup, unit_groups
from lossatlas.weight_space import Weights, check_alike, inner, parameters, state

_PROGRESS = 1e-12  # of the weights' size: less is rounding


@dataclass(frozen=True, eq=False)
class Matching:
    """Weight matching's result: orders of units, and how the two networks' inner product rose meanwhile."""

    orders: Orders
    objective: NDArray[np.float64]  # (rounds + 1,), before the first round and after each


def match_weights(
    reference: Mapping[str, Tensor],
    other: Mapping[str, Tensor],
    groups: Sequence[UnitGroup],
    *,
    seed: int = 0,
) -> Matching:
    """Weight matching: orders of ``other``'s units for which its weights lie close to those of ``reference``.

    The inner product of both networks' weights is raised, and so their distance lowered, by one group of units after
    the other, each a linear assignment problem while the others stay, until a round over all groups brings nothing.
    The end is a local optimum.

    Parameters
    ----------
    reference : mapping
        Tensors by name, over which the optimum is: leave out running statistics, which are no weights.
    other : mapping
        Tensors of the same names and shapes, and perhaps more.
    groups : sequence of UnitGroup
        As `unit_groups` finds them.
    seed : int, default 0
        Seed of the order of the groups in each round.

    Returns
    -------
    Matching
        ``orders``, as `permuted` takes them, and ``objective``, (rounds + 1,), the inner product before the first
        round and after each.

    References
    ----------
    Ainsworth et al. 2022, arXiv:2209.04836, algorithm 1.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> groups, weights = unit_groups(network), parameters(network)
    >>> shuffled = permuted(weights, groups, [np.array([2, 0, 1])])
    >>> match_weights(weights, shuffled, groups).orders  # back to where they were
    [array([1, 2, 0])]
    """
    fixed = {name: tensor.detach().double().cpu() for name, tensor in reference.items()}
    moving = {name: other[name].detach().double().cpu() for name in fixed}
    rng = np.random.default_rng(seed)
    orders = [np.arange(group.size) for group in groups]
    least = _PROGRESS * inner(fixed, fixed)
    objective = [inner(fixed, moving)]
    progress = True
    while progress:
        progress = False
        for k in rng.permutation(len(groups)).tolist():
            order, gain = _best_order(fixed, moving, groups[k])
            if gain > least:
                moving |= _moved(moving, groups[k], order)
                orders[k] = orders[k][order]
                progress = True
        objective.append(inner(fixed, moving))
    return Matching(orders, np.array(objective))


def align(model: nn.Module, other: Mapping[str, Tensor], *, seed: int = 0) -> Weights:
    """Align ``other``, a network of ``model``'s kind: its parameters and statistics, units matched to ``model``'s.

    The units are found by `unit_groups` and matched by `match_weights`.

    Parameters
    ----------
    model : nn.Module
        The network whose units count.
    other : mapping
        State dict of a network of the same kind.
    seed : int, default 0
        Seed of `match_weights`.

    Returns
    -------
    dict
        Tensors by name, in the dtypes and on the device of ``model``; the function that they compute is that of
        ``other``.

    Raises
    ------
    ValueError
        As `unit_groups` raises it, and, naming the first difference, for a network of another shape.

    Examples
    --------
    >>> model, other = (nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1)) for _ in range(2))
    >>> aligned, x = align(model, other.state_dict()), torch.randn(5, 2)
    >>> torch.allclose(torch.func.functional_call(other, aligned, x), other(x), atol=1e-5)
    True
    """
    own = state(model)
    counters = model.state_dict().keys() - own.keys()  # of batches, which are no part of the function
    check_alike(own, {name: other[name] for name in other if name not in counters}, "the other network")
    whole = {name: other[name].detach().to(tensor) for name, tensor in own.items()}
    groups = unit_groups(model)
    return permuted(whole, groups, match_weights(parameters(model), whole, groups, seed=seed).orders)


def _best_order(fixed: Weights, moving: Weights, group: UnitGroup) -> tuple[NDArray[np.int64], float]:
    """The order of a group's units that is best while all others stay, and what it adds to the inner product."""
    _, order = linear_sum_assignment(_likeness(fixed, moving, group), maximize=True)
    gain = sum(
        ((tensor - moving[name]) * fixed[name]).sum().item()
        for name, tensor in _moved(moving, group, order).items()
    )
    return order, gain


def _likeness(fixed: Weights, moving: Weights, group: UnitGroup) -> NDArray[np.float64]:
    """Inner products of the weights of each unit of ``fixed`` with those of each of ``moving``, (units, units)."""
    total = torch.zeros(group.size, group.size, dtype=torch.float64)
    for place in group.places:
        if place.tensor in fixed:
            index = torch.from_numpy(place.index.reshape(-1))
            one, two = (
                weights[place.tensor]
                .index_select(place.axis, index)
                .movedim(place.axis, 0)
                .reshape(group.size, -1)
                for weights in (fixed, moving)
            )
            total += one @ two.T
    return total.numpy()


def _moved(weights: Weights, group: UnitGroup, order: NDArray[np.int64]) -> Weights:
    """The tensors in which the group's units lie, with these in another order."""
    moved: Weights = {}
    for place in group.places:
        if place.tensor in weights:
            moved[place.tensor] = reordered(moved.get(place.tensor, weights[place.tensor]), place, order)
    return moved
