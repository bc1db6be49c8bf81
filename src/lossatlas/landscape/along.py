"""The former name of `lossatlas.landscape.directions`, for a release: directions of one's own import from there."""

from lossatlas.landscape import GradientDirections, HessianDirections, PrincipalDirections
from lossatlas.landscape.directions import *  # noqa: F403
from lossatlas.landscape.directions import DirectionSet as Axes
from lossatlas.landscape.directions import __all__ as _names
from lossatlas.landscape.directions import directions_along as axes_along

__all__ = [  # noqa: PLE0604
    *_names,
    "Axes",
    "GradientDirections",
    "HessianDirections",
    "PrincipalDirections",
    "axes_along",
]
