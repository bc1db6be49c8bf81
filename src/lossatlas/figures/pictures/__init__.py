"""The picture of one landscape of one network, for a run's own page. Its survey decides which."""

from lossatlas.figures.pictures import basins, curvature, distributions, planes, profiles, twins
from lossatlas.figures.pictures.registry import PICTURES, draws, picture

__all__ = [
    "PICTURES",
    "basins",
    "curvature",
    "distributions",
    "draws",
    "picture",
    "planes",
    "profiles",
    "twins",
]
