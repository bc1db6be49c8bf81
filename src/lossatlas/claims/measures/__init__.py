"""Measures: functions from an experiment's datasets to one array over the sweep's dimensions.

A dataset of ``datasets`` is one landscape over all networks of the sweep; cells that were not
surveyed are NaN and stay NaN. What a measure returns carries ``long_name`` and ``units``. Where a
value is only a lower bound, because a level set reaches the end of what was surveyed, the
non-index coordinate ``open`` is true. Measures whose ``of`` is a measure are made of that one.
"""

from lossatlas.claims.measures.combined import difference, log10, mean, ratio, slope, spread
from lossatlas.claims.measures.crossing import first_below
from lossatlas.claims.measures.extremes import highest, lowest
from lossatlas.claims.measures.folds import mean_by_curvature
from lossatlas.claims.measures.linear import linearity
from lossatlas.claims.measures.lines import bump, rise, width
from lossatlas.claims.measures.members import between_members, by_budget, course
from lossatlas.claims.measures.passing import overtaking
from lossatlas.claims.measures.reading import Datasets, Measure
from lossatlas.claims.measures.several import stacked
from lossatlas.claims.measures.stretches import stretch
from lossatlas.claims.measures.surfaces import (
    area,
    components,
    half_width,
    local_minima,
    mean_over_plane,
    most_components,
    negative_curvature,
    roughness,
    share_above,
    value_range,
)
from lossatlas.claims.measures.values import change, last, value

__all__ = [
    "Datasets",
    "Measure",
    "area",
    "between_members",
    "bump",
    "by_budget",
    "change",
    "components",
    "course",
    "difference",
    "first_below",
    "half_width",
    "highest",
    "last",
    "linearity",
    "local_minima",
    "log10",
    "lowest",
    "mean",
    "mean_by_curvature",
    "mean_over_plane",
    "most_components",
    "negative_curvature",
    "overtaking",
    "ratio",
    "rise",
    "roughness",
    "share_above",
    "slope",
    "spread",
    "stacked",
    "stretch",
    "value",
    "value_range",
    "width",
]
