"""Measures: numbers taken from datasets, as functions of one dataset or of arrays.

A dataset is one landscape over all networks of a sweep; cells that were not surveyed are NaN and stay NaN. A measure of
a claim or a figure is a function whose arguments are called after the datasets that it reads, ``def f(summary): ...``.
What is here names what it returns, in ``long_name`` and ``units``; all else is xarray's.
"""

from lossatlas.measures.arithmetic import deviation, difference, log10, mean, percent, ratio, spread, stacked
from lossatlas.measures.bounds import bounded, with_bounds
from lossatlas.measures.curves import bump, change, crossover, first_below, linearity, rise, slope, width
from lossatlas.measures.datasets import Datasets, Measure, measured, on, reads
from lossatlas.measures.ensembles import (
    between_members,
    by_budget,
    course,
    ensemble_error,
    of_members,
    overlap,
)
from lossatlas.measures.selection import after, at, last, named
from lossatlas.measures.spectra import (
    at_snapshots,
    condition_number,
    outliers,
    share_beyond,
    stability_threshold,
)
from lossatlas.measures.surfaces import (
    area,
    components,
    half_width,
    local_minima,
    mean_by_curvature,
    mean_over_plane,
    most_components,
    negative_curvature,
    roughness,
    share_above,
    value_range,
)

__all__ = [
    "Datasets",
    "Measure",
    "after",
    "area",
    "at",
    "at_snapshots",
    "between_members",
    "bounded",
    "bump",
    "by_budget",
    "change",
    "components",
    "condition_number",
    "course",
    "crossover",
    "deviation",
    "difference",
    "ensemble_error",
    "first_below",
    "half_width",
    "last",
    "linearity",
    "local_minima",
    "log10",
    "mean",
    "mean_by_curvature",
    "mean_over_plane",
    "measured",
    "most_components",
    "named",
    "negative_curvature",
    "of_members",
    "on",
    "outliers",
    "overlap",
    "percent",
    "ratio",
    "reads",
    "rise",
    "roughness",
    "share_above",
    "share_beyond",
    "slope",
    "spread",
    "stability_threshold",
    "stacked",
    "value_range",
    "width",
    "with_bounds",
]
