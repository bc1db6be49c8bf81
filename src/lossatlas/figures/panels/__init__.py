"""The panels that figures are made of: each draws one kind of landscape on given axes.

Arrays may have any further dimensions beside those that a panel names (seeds, directions); they are
replicates, drawn as a median line and the range around it. NaN and infinite values are gaps.
"""

from lossatlas.figures.panels.contours import (
    HIGHEST,
    contours,
    filled_contours,
    fitting_levels,
    levels_in_words,
    log_levels,
    networks_and_curves,
)
from lossatlas.figures.panels.matrices import ends_of_pairs, matrix
from lossatlas.figures.panels.paths import path
from lossatlas.figures.panels.planes import (
    direction_labels,
    fill_plane,
    frame,
    has_own_origin,
    network_place,
    plane_values,
    ratio_bar,
    ratio_map,
)
from lossatlas.figures.panels.profiles import (
    by_split,
    histogram,
    loss_and_error,
    loss_scale,
    losses,
    shaded_band,
)
from lossatlas.figures.panels.relief import relief
from lossatlas.figures.panels.spreads import spreads
from lossatlas.figures.panels.stability import sharpness_and_threshold

__all__ = [
    "HIGHEST",
    "by_split",
    "contours",
    "direction_labels",
    "ends_of_pairs",
    "fill_plane",
    "filled_contours",
    "fitting_levels",
    "frame",
    "has_own_origin",
    "histogram",
    "levels_in_words",
    "log_levels",
    "loss_and_error",
    "loss_scale",
    "losses",
    "matrix",
    "network_place",
    "networks_and_curves",
    "path",
    "plane_values",
    "ratio_bar",
    "ratio_map",
    "relief",
    "shaded_band",
    "sharpness_and_threshold",
    "spreads",
]
