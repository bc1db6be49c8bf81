"""Measures of networks as figures draw them: chosen, named, on a scale that suits them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from lossatlas.figures.layout.arrangement import over
from lossatlas.measures import Datasets, Measure, measured
from lossatlas.measures.selection import select

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
    parts = {"value": values, "open": is_open}
    both = xr.Dataset({name: part.drop_vars("open", errors="ignore") for name, part in parts.items()})
    return over(select(both, {dim: value for dim, value in at.items() if dim in both.dims}), axes)


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


def dots(
    axis: Axes, x: np.ndarray, y: np.ndarray, is_open: np.ndarray, *, marker: str = "o", **drawn: Any
) -> None:
    """A dot at each place where both coordinates are finite, hollow where it ``is_open``; all of one shape."""
    for hollow, face in ((False, drawn["color"]), (True, "none")):
        chosen = np.isfinite(x) & np.isfinite(y) & (is_open == hollow)
        axis.plot(x[chosen], y[chosen], marker, markerfacecolor=face, linestyle="none", **drawn)
