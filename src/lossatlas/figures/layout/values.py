"""Measures of networks as figures draw them: chosen, named, on a scale that suits them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from lossatlas.figures.layout.arrangement import SEED, over
from lossatlas.measures import Datasets, Measure, measured
from lossatlas.measures.selection import select
from lossatlas.words import counted

_LOG_RATIO = 100.0  # between the greatest and the least value, from which on a scale is logarithmic
_CROWDED = 10.0  # as well from here, if half of all values lie in the lowest `_CORNER` of the range
_CORNER = 0.1
_GEOMETRIC = 8.0  # between the greatest and the least place of a geometric series
_SIDE = 1.5  # inches of a panel's side, for the numbers on it
_LETTER = 0.065  # inches of a number's letter, with some air


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
    >>> _spans_decades(np.array([1.0, 1.1, 1.2, 20.0])), _spans_decades(np.array([1.0, 9.0, 14.0, 20.0]))
    (True, False)
    """
    values = values[np.isfinite(values)]
    if not len(values) or values.min() <= 0:
        return False
    low, high = values.min(), values.max()
    crowded = np.median(values) - low < _CORNER * (high - low)
    return bool(high >= (_CROWDED if crowded else _LOG_RATIO) * low)


def axis_label(values: xr.DataArray, label: str = "") -> str:
    """``label``, else the measure's own name, with its units."""
    units = values.attrs.get("units", "")
    return (label or str(values.attrs.get("long_name", ""))) + (f" ({units})" if units else "")


def scale_of(axis: Axes, direction: str, values: np.ndarray) -> None:
    """A log scale for the ``direction``, "x" or "y", if the values span decades."""
    if _spans_decades(values):
        axis.set(**{f"{direction}scale": "log"})


def are_numbers(values: Sequence[Any]) -> bool:
    """Whether values have an order and distances: numbers, not truth values."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def number_axis(axis: Axes, values: Sequence[float]) -> None:
    """A horizontal axis of these numbers, which it carries: logarithmic if they are a geometric series.

    With a 0 before the series, which stands one step from its first number.
    """
    series = sorted(values)
    positive = [value for value in series if value > 0]
    if _is_geometric(positive) and series[0] >= 0:
        if series[0] > 0:
            axis.set_xscale("log")
        else:
            first, second = positive[:2]
            axis.set_xscale("symlog", linthresh=first, linscale=float(np.log10(second / first)))
    places = axis.xaxis.get_transform().transform(np.asarray(series, dtype=float))
    span = float(np.ptp(places)) or 1.0
    words = [f"{value:g}" for value in series]
    shown = _apart((places - places[0]) / span * _SIDE, [_LETTER * (len(word) + 1) for word in words])
    axis.set_xticks([series[k] for k in shown], [words[k] for k in shown])
    axis.xaxis.set_minor_locator(NullLocator())
    ends = (
        axis.xaxis.get_transform().inverted().transform([places[0] - 0.12 * span, places[-1] + 0.12 * span])
    )
    axis.set_xlim(*ends)


def _is_geometric(values: Sequence[float]) -> bool:
    """Whether positive numbers in their order grow by factors rather than by steps.

    >>> _is_geometric([1, 2, 4, 8]), _is_geometric([2, 4, 6, 8, 10]), _is_geometric([20, 56, 110]), _is_geometric([1])
    (True, False, False, False)
    """
    if len(values) < 2 or values[-1] < _GEOMETRIC * values[0]:
        return False
    steps, factors = np.diff(values), np.diff(np.log(values))
    return bool(factors.std() / factors.mean() <= steps.std() / steps.mean())


def _apart(places: np.ndarray, widths: Sequence[float]) -> list[int]:
    """Which words of these ``widths`` at these ``places`` can stand side by side, the first and the last with them.

    >>> _apart(np.array([0.0, 0.1, 0.5, 1.0]), [0.2, 0.2, 0.2, 0.2])
    [0, 2, 3]
    """
    last = len(places) - 1
    chosen = [0]
    for number in range(1, last):
        before, after = ((widths[number] + widths[other]) / 2 for other in (chosen[-1], last))
        if places[number] - places[chosen[-1]] >= before and places[last] - places[number] >= after:
            chosen.append(number)
    return chosen + [last] * (last > 0)


def seeds_drawn(drawn: Iterable[xr.DataArray]) -> str:
    """How many seeds have a value, of all that are drawn.

    >>> error = xr.DataArray([[1.0, np.nan, np.nan], [2.0, 3.0, np.nan]], dims=("depth", "seed"))
    >>> seeds_drawn([error]), seeds_drawn([error[0], error[1]]), seeds_drawn([error.isel(seed=0)])
    ('2 seeds', '1 to 2 seeds', '')
    """
    counts = [
        int(values.notnull().any([dim for dim in values.dims if dim != SEED]).sum())
        for values in drawn
        if SEED in values.dims
    ]
    if not counts:
        return ""
    low, high = min(counts), max(counts)
    return counted(high, "seed") if low == high else f"{low} to {counted(high, 'seed')}"


def unknown(drawn: Mapping[str, xr.DataArray]) -> str:
    """A sentence on the values that single networks lack of a measure that others of their kind have; else "".

    >>> error = xr.DataArray([[1.0, np.nan], [np.nan, np.nan]], dims=("depth", "seed"))
    >>> unknown({"error": error}), unknown({"error": error[:, :1]})
    ('Not known of some networks: error (1).', '')
    """
    lacking = {}
    for label, values in drawn.items():
        if SEED in values.dims:
            lost = (values.isnull() & values.notnull().any(SEED)).sum().item()
            if lost:
                lacking[label] = lost
    told = "; ".join(f"{label} ({lost})" for label, lost in lacking.items())
    return f"Not known of some networks: {told}." if told else ""


def dots(
    axis: Axes, x: np.ndarray, y: np.ndarray, is_open: np.ndarray, *, marker: str = "o", **drawn: Any
) -> None:
    """A dot at each place where both coordinates are finite, hollow where it ``is_open``; all of one shape."""
    for hollow, face in ((False, drawn["color"]), (True, "none")):
        chosen = np.isfinite(x) & np.isfinite(y) & (is_open == hollow)
        axis.plot(x[chosen], y[chosen], marker, markerfacecolor=face, linestyle="none", **drawn)
