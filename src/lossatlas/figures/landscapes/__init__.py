"""The picture of one landscape of one network, for a run's own page. Its survey decides which.

Files are called after the rooms of `lossatlas.landscape`.
"""

from lossatlas.figures.landscapes import (
    connectivity,
    curvature,
    ensembles,
    flatness,
    signals,
    slices,
    timing,
    training,
)
from lossatlas.figures.landscapes.drawing import PICTURES, draws, picture

__all__ = [
    "PICTURES",
    "connectivity",
    "curvature",
    "draws",
    "ensembles",
    "flatness",
    "picture",
    "signals",
    "slices",
    "timing",
    "training",
]
