"""Measures against an axis of the sweep, a dot a network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures.layout.arrangement import Datasets, Names, called
from lossatlas.figures.layout.page import captioned, color_key, colored, legend_over, row_over
from lossatlas.figures.layout.values import axis_label, dots, measured_values, scale_of
from lossatlas.figures.style import style
from lossatlas.measures import Measure

_PANEL = (2.5, 2.2)  # inches
_ABREAST = 4  # panels in a row
_LETTERS_ACROSS = 34  # of the names under a panel that stand side by side
_APART = 0.16  # distance of two colours at one value of the axis, on which values are 1 apart


def trends(
    datasets: Datasets,
    *,
    measures: Mapping[str, Measure],
    along: str,
    by: str | None = None,
    at: Mapping[str, Any] | None = None,
    names: Names | None = None,
    caption: str = "",
) -> Figure:
    """A panel for each of the ``measures``, by the label of its vertical axis: a dot a seed, a line at their median.

    What is only a lower bound is hollow, what left float range a triangle at the top. A scale is logarithmic where
    values span two decades.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        What the measures read.
    measures : mapping of str to Measure
        Label -> function, whose arguments name datasets, to an array over the sweep's axes.
    along : str
        Axis across, its values evenly spaced.
    by : str, optional
        Axis that colours tell apart; None: a single colour.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    names : Names, optional
        Axis -> value -> what to call it; None: axis and value.
    caption : str, default ""
        Text under the panels, such as the verdicts; "": none.

    Returns
    -------
    matplotlib.figure.Figure
        A page.

    Raises
    ------
    ValueError
        Without a measure, and for an axis or a value that is not there, and for an axis of several values that nothing
        is said of.
    """
    if not measures:
        raise ValueError("the figure needs a measure to draw")
    axes_of = [along] if by is None else [along, by]
    drawn = {
        label: measured_values(datasets, measure, at or {}, axes_of) for label, measure in measures.items()
    }
    told = "A dot a seed, a line at their median; hollow: at least that much."
    with style():
        page, axes = row_over(len(drawn), _ABREAST, _PANEL, captioned(told, caption))
        for axis, (label, values) in zip(axes, drawn.items(), strict=True):
            seeds_along(axis, values, along, by, names)
            axis.set_ylabel(axis_label(values["value"], label))
        if by is not None:
            legend_over(page, color_key(by, next(iter(drawn.values())), names, marker="o", markersize=3.5))
    return page


def seeds_along(axis: Axes, values: xr.Dataset, along: str, by: str | None, names: Names | None) -> None:
    """A dot a seed at each value of the axis ``along``. ``values``: value and open (along, [by], [seed])."""
    known = values[along].values.tolist()
    scale_of(axis, "y", values["value"].values)
    axis.set_xticks(range(len(known)), [_short(along, value, names) for value in known])
    if sum(len(label.get_text()) + 2 for label in axis.get_xticklabels()) > _LETTERS_ACROSS:
        for label in axis.get_xticklabels():
            label.set(rotation=30, ha="right", rotation_mode="anchor")
    axis.set(xlim=(-0.5, len(known) - 0.5), xlabel=along.replace("_", " "))
    groups = colored(values, by)
    for number, (of_group, shade) in enumerate(groups):
        offset = _APART * (number - (len(groups) - 1) / 2)
        _dots(axis, of_group.transpose(along, ...), offset, shade)


def _dots(axis: Axes, network: xr.Dataset, offset: float, shade: str) -> None:
    """One colour. ``network``: value and open (along, [seed])."""
    values = network["value"]
    heights = values.values.reshape(len(values), -1)
    places = np.arange(len(heights))[:, None] + offset + np.zeros_like(heights)
    bound = network["open"].values.reshape(heights.shape)
    dots(axis, places, heights, bound, color=shade, markersize=3.5, alpha=0.75)
    beyond = np.isposinf(heights)
    if beyond.any():
        at_top: dict[str, Any] = {"transform": axis.get_xaxis_transform(), "clip_on": False}
        axis.plot(places[beyond], np.full(beyond.sum(), 0.985), "^", color=shade, markersize=4, **at_top)
    middle = np.array(
        [np.median(row[~np.isnan(row)]) if (~np.isnan(row)).any() else np.nan for row in heights]
    )
    axis.plot(places[:, 0], np.where(np.isfinite(middle), middle, np.nan), color=shade, linewidth=1.1)


def _short(dim: str, value: Any, names: Names | None) -> str:
    """A value without its axis, which stands below: a number as it is, another by its name."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}"
    return called(dim, value, names).removeprefix(dim.replace("_", " ") + " ")
