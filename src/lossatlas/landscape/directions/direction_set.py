"""Direction sets: directions at a network, of whatever kind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from lossatlas.landscape.directions.normalization import normalize_direction
from lossatlas.landscape.problem import Problem
from lossatlas.normalizations import standardized_weights
from lossatlas.weight_space import Weights, check_alike, parameters, state, weights_digest

Attributes = dict[str, str | int | float]


@dataclass(frozen=True, eq=False)
class DirectionSet:
    """Direction set at a network: ``draw(k)`` gives direction k, with the names of ``centre``.

    Parameters
    ----------
    centre : dict
        What moves: parameters, or parameters and running statistics, by name.
    draw : callable
        From k to direction k, which has the names and shapes of ``centre``.
    number : int or None
        How many directions there are; None: as many as are wanted.
    clamp : bool
        Whether running variances that fall below zero become zero.
    attributes : dict
        What defines the directions, for the dataset; "directions" names their kind.
    """

    centre: Weights
    draw: Callable[[int], Weights]
    number: int | None
    clamp: bool
    attributes: Attributes

    def take(self, wanted: int) -> list[Weights]:
        """The first ``wanted`` directions. ValueError if there are not so many.

        >>> one = DirectionSet({"w": torch.ones(1)}, lambda k: {"w": torch.ones(1)}, 1, True, {"directions": "given"})
        >>> one.take(2)
        Traceback (most recent call last):
        ValueError: a survey along 2 directions cannot do with 1 (given)
        """
        if self.number is not None and self.number < wanted:
            kinds = self.attributes["directions"]
            raise ValueError(f"a survey along {wanted} directions cannot do with {self.number} ({kinds})")
        return [self.draw(k) for k in range(wanted)]


class Directions(Protocol):
    """Kind of directions: from a problem to its set of them."""

    def of(self, problem: Problem) -> DirectionSet:
        """The directions at the network of ``problem``."""


def fixed_directions(
    kind: str,
    directions: Sequence[Mapping[str, Tensor]],
    options: Mapping[str, str],
    model: nn.Module,
    **more: str | int | float,
) -> DirectionSet:
    """Direction set of a few tensors, rescaled as ``options`` of `normalize_direction` say.

    ``more`` are further attributes. ValueError if a direction names what ``model`` has not, has another shape
    or is zero.
    """
    everything, own = state(model), parameters(model)
    for direction in directions:
        check_alike(
            {name: everything[name] for name in everything if name in direction}, direction, "the direction"
        )
    moved = any(name not in own for direction in directions for name in direction)
    centre = everything if moved else own
    standardized = standardized_weights(model)
    rescaled = [
        normalize_direction(with_zeros(given, centre), centre, **options, standardized=standardized)
        for given in directions
    ]
    digest = "-".join(weights_digest(direction)[:16] for direction in rescaled)
    described: Attributes = {
        "directions": kind,
        "digest": digest,
        **options,
        "statistics": moved_or_not(moved),
    }
    return DirectionSet(centre, lambda k: rescaled[k], len(rescaled), True, {**described, **more})


def with_zeros(direction: Mapping[str, Tensor], centre: Weights) -> Weights:
    """Return ``direction`` with zeros for what it does not name."""
    return {
        name: direction[name] if name in direction else torch.zeros_like(tensor)
        for name, tensor in centre.items()
    }


def moved_or_not(statistics: bool) -> str:
    """What a dataset says of running statistics."""
    return "moved" if statistics else "of the network"
