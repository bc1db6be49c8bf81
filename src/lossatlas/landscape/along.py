"""The former name of `lossatlas.landscape.directions`, for a release: directions of one's own import from there."""

from lossatlas.landscape import GradientDirections, HessianDirections, PrincipalDirections
from lossatlas.landscape.directions import *  # noqa: F403
from lossatlas.landscape.directions import __all__ as _names

__all__ = [*_names, "GradientDirections", "HessianDirections", "PrincipalDirections"]  # noqa: PLE0604
