"""The picture of one landscape of one network, for a run's own page. Its survey decides which."""

from lossatlas.figures.pictures import (
    aligned,
    basins,
    curvature,
    distributions,
    ensembles,
    planes,
    profiles,
    spanning_tree,
    step_time,
    tunnel,
    twins,
)
from lossatlas.figures.pictures.registry import PICTURES, draws, picture

__all__ = [
    "PICTURES",
    "aligned",
    "basins",
    "curvature",
    "distributions",
    "draws",
    "ensembles",
    "picture",
    "planes",
    "profiles",
    "spanning_tree",
    "step_time",
    "tunnel",
    "twins",
]
