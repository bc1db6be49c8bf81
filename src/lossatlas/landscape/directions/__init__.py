"""The directions that lines and planes run along: random, given, towards networks, of coordinates.

Those of the gradient, the Hessian and a training path lie with what computes them; `lossatlas.landscape` has all.

Each kind is a class that a configuration can name; `line` and `surface` take one of them as ``along``, or several.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor

from lossatlas.landscape.directions.concatenated import SeveralDirections
from lossatlas.landscape.directions.coordinates import CoordinateDirections
from lossatlas.landscape.directions.direction_file import DirectionFile, write_directions
from lossatlas.landscape.directions.direction_set import Directions, DirectionSet
from lossatlas.landscape.directions.gaussian import RandomDirections
from lossatlas.landscape.directions.networks import GivenDirections, TowardsNetworks
from lossatlas.landscape.directions.normalization import normalize_direction, random_direction
from lossatlas.landscape.problem import Problem

Along = Directions | Mapping[str, Tensor] | Sequence[Directions | Mapping[str, Tensor]] | None
"""Directions, tensors by parameter name that are one, several of these after each other, or None: random ones."""


def directions_along(along: Along, random: RandomDirections, problem: Problem) -> DirectionSet:
    """The directions of a survey: those of ``along``, or where it is None ``random``.

    Parameters
    ----------
    along : mapping, directions or a list of these, or None
        Tensors by parameter name, or for example `GradientDirections`; None: ``random``.
    random : RandomDirections
        The random directions, with the options of the survey.
    problem : Problem
        Network at which the directions are.

    Returns
    -------
    DirectionSet
        With as many directions as there are, or without end.

    Raises
    ------
    ValueError
        If ``along`` is given and the options of ``random`` are set, since nothing would read them.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> problem = Problem(nn.Linear(1, 1), nn.MSELoss(), {"train": (torch.ones(1, 1), torch.ones(1, 1))})
    >>> directions_along({"bias": torch.ones(1)}, RandomDirections(), problem).attributes["directions"]
    'given'
    """
    if along is None:
        return random.of(problem)
    for option, default in RandomDirections().options.items():
        if (given := random.options[option]) != default:
            raise ValueError(
                f"{option}={given!r} is of the random directions, in whose place along is given; set it there"
            )
    parts = [
        GivenDirections(part) if isinstance(part, Mapping) else part
        for part in (along if isinstance(along, Sequence) else [along])
    ]
    return (parts[0] if len(parts) == 1 else SeveralDirections(parts)).of(problem)


__all__ = [
    "Along",
    "CoordinateDirections",
    "DirectionFile",
    "DirectionSet",
    "Directions",
    "GivenDirections",
    "RandomDirections",
    "SeveralDirections",
    "TowardsNetworks",
    "directions_along",
    "normalize_direction",
    "random_direction",
    "write_directions",
]
