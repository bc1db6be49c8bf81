"""Permutable units of a network, found by following them through its graph of operations."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from lossatlas.landscape.alignment.following import Axis, Followed, follow
from lossatlas.landscape.forward.tracing import UntraceableError, traced
from lossatlas.landscape.measuring.isolation import evaluation_mode

_Signature = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Place:
    """Where the units of a group lie along one axis of a tensor."""

    tensor: str
    axis: int
    index: NDArray[
        np.int64
    ]  # (units, entries): the entries of each unit; several where feature maps were flattened


@dataclass(frozen=True, eq=False)
class UnitGroup:
    """Permutable units: in any order what they compute, and what is made of it, stays the same.

    A unit lies in several tensors: in the rows of its layer's weight, in its bias, in the batch norm that follows, in
    the columns of the next layer's weight. Where outputs of layers are added, as along a residual stream, their units
    are the same and lie in all of these layers.
    """

    places: tuple[Place, ...]

    @property
    def size(self) -> int:
        """Number of units."""
        return len(self.places[0].index)


def unit_groups(model: nn.Module) -> list[UnitGroup]:
    """The groups of units of ``model`` that can be permuted, in the order in which they are computed.

    Found by tracing the module and following each unit from the layer that computes it to those that take it: by way
    of activations, pooling, normalisation, flattening, sums, joins and zero padding. Inputs and outputs stay as they
    are, and so do units that are added to them. Two units can change places if they lie in the same tensors
    and, where there is group norm, in the same of its groups.

    Parameters
    ----------
    model : nn.Module
        The network, which is not changed.

    Returns
    -------
    list of UnitGroup
        Of two units or more each; ``places`` says in which entries of which tensors they lie.

    Raises
    ------
    ValueError
        If the module cannot be traced, since its operations depend on values; for an operation through which units
        cannot be followed, which it names; and if there is nothing to permute.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> (hidden,) = unit_groups(network)
    >>> hidden.size, [(place.tensor, place.axis) for place in hidden.places]
    (3, [('0.weight', 0), ('0.bias', 0), ('2.weight', 1)])
    """
    name = type(model).__name__
    try:
        with evaluation_mode(model):
            graph = traced(model)
    except UntraceableError as error:
        raise ValueError(
            f"{name} is no fixed graph of operations, so its units are unknown: {error}"
        ) from error
    groups = list(_groups(follow(graph, model)))
    if not groups:
        raise ValueError(
            f"{name} has no units that could change places: expected a hidden layer of two or more"
        )
    return groups


def _groups(followed: Followed) -> Iterator[UnitGroup]:
    """Those of at least two units that lie in the same tensors, equally often."""
    members: dict[_Signature, list[int]] = defaultdict(list)
    for unit, signature in sorted(_signatures(followed).items()):
        if unit != followed.fixed:
            members[signature].append(unit)
    for signature, units in members.items():
        if len(units) > 1:
            axes = [followed.axes[number] for number, _ in signature if number < len(followed.axes)]
            yield UnitGroup(tuple(_place(axis, units) for axis in axes))


def _signatures(followed: Followed) -> dict[int, _Signature]:
    """The axes on which each unit lies, by their numbers, and how often; behind them the sets that it is in."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, units in enumerate([*(axis.units for axis in followed.axes), *followed.together]):
        for unit, count in zip(*np.unique(units, return_counts=True), strict=True):
            found[int(unit)].append((number, int(count)))
    return {unit: tuple(signature) for unit, signature in found.items()}


def _place(axis: Axis, units: list[int]) -> Place:
    each = np.arange(axis.entries)
    index = [
        (np.flatnonzero(axis.units == unit)[:, None] * axis.entries + each).reshape(-1) for unit in units
    ]
    return Place(axis.tensor, axis.number, np.stack(index))
