"""Measures of networks as figures draw them: chosen, named, on a scale that suits them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from lossatlas.figures.layout.arrangement import SEED, Datasets, narrowed
from lossatlas.measures import Measure, measured

_LOG_RATIO = 100.0  # between the greatest and the least value, from which on a scale is logarithmic


def measured_values(
    datasets: Datasets, measure: Measure, at: Mapping[str, Any], axes: Sequence[str]
) -> xr.Dataset:
    """``value`` of a measure, and whether it is ``open``, a lower bound only, of the networks ``at`` some values.

    They lie over ``axes`` and the seeds; other axes of one value disappear. ValueError for an axis that is not there,
    and for one of several values that is neither in ``axes`` nor in ``at``.
    """
    values = measured(measure, datasets)
    is_open = values.coords["open"] if "open" in values.coords else xr.zeros_like(values, dtype=bool)
    both = xr.Dataset(
        {
            "value": values.drop_vars("open", errors="ignore"),
            "open": is_open.drop_vars("open", errors="ignore"),
        }
    )
    both = narrowed(both, {dim: value for dim, value in at.items() if dim in both.dims})
    missing = [axis for axis in axes if axis not in both.dims]
    if missing:
        raise ValueError(f"the measure has no axis {missing[0]!r}; it has {sorted(map(str, both.dims))}")
    left = [str(dim) for dim in both.dims if dim not in {*axes, SEED}]
    several = [dim for dim in left if both.sizes[dim] > 1]
    if several:
        known = both[several[0]].values.tolist()
        raise ValueError(f"the figure needs one value of {several[0]!r}: give at.{several[0]} one of {known}")
    return both.isel(dict.fromkeys(left, 0), drop=True)


def _spans_decades(values: np.ndarray) -> bool:
    """Whether values are to be drawn on a log scale.

    >>> _spans_decades(np.array([0.1, 20.0, np.inf])), _spans_decades(np.array([0.0, 20.0]))
    (True, False)
    """
    values = values[np.isfinite(values)]
    return bool(len(values) and values.min() > 0 and values.max() >= _LOG_RATIO * values.min())


def axis_label(values: xr.DataArray, label: str = "") -> str:
    """``label``, else the measure's own name, with its units."""
    units = values.attrs.get("units", "")
    return (label or str(values.attrs.get("long_name", ""))) + (f" ({units})" if units else "")


def scale_of(axis: Axes, direction: str, values: np.ndarray) -> None:
    """A log scale for the ``direction``, "x" or "y", if the values span decades."""
    if _spans_decades(values):
        axis.set(**{f"{direction}scale": "log"})
