"""Concatenation of directions of several kinds."""

from collections.abc import Sequence

from lossatlas.landscape.directions.direction_set import Attributes, Directions, DirectionSet, with_zeros
from lossatlas.landscape.problem import Problem
from lossatlas.weight_space import Weights


class SeveralDirections:
    """Directions of several kinds, after each other; those of one without end fill up what is wanted.

    Parameters
    ----------
    parts : sequence of directions
        Objects such as `GivenDirections`; a survey's ``along`` also takes them as a list.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from lossatlas.landscape.directions import GivenDirections, RandomDirections
    >>> problem = Problem(nn.Linear(1, 1), nn.MSELoss(), {"train": (torch.ones(1, 1), torch.ones(1, 1))})
    >>> several = SeveralDirections([GivenDirections({"bias": torch.ones(1)}), RandomDirections()])
    >>> several.of(problem).draw(0)
    {'weight': tensor([[0.]]), 'bias': tensor([1.])}
    """

    def __init__(self, parts: Sequence[Directions]) -> None:
        self._parts = parts

    def of(self, problem: Problem) -> DirectionSet:
        """The directions at the network of ``problem``. ValueError if there are none."""
        if not self._parts:
            raise ValueError("along has no directions")
        sets = [part.of(problem) for part in self._parts]
        centre = max((part.centre for part in sets), key=len)

        def draw(k: int) -> Weights:
            for part in sets:
                if part.number is None or k < part.number:
                    return with_zeros(part.draw(k), centre)
                k -= part.number
            raise IndexError(f"{k} directions too few")

        numbers = [part.number for part in sets]
        number = None if None in numbers else sum(n for n in numbers if n is not None)
        return DirectionSet(centre, draw, number, all(part.clamp for part in sets), _joined(sets))


def _joined(sets: Sequence[DirectionSet]) -> Attributes:
    """Attributes of all, those of part k under names that end in _k."""
    kinds = ", ".join(str(part.attributes["directions"]) for part in sets)
    own: Attributes = {
        f"{name}_{k}": value
        for k, part in enumerate(sets)
        for name, value in part.attributes.items()
        if name != "directions"
    }
    return {"directions": kinds, **own}
