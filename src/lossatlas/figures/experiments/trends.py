"""Measures against an axis of the sweep, a dot a network."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation, Transform

from lossatlas.figures.layout.arrangement import Datasets, Names, called
from lossatlas.figures.layout.page import (
    captioned,
    color_key,
    colored,
    legend_over,
    row_over,
    say_lacking,
    shades_of,
)
from lossatlas.figures.layout.values import (
    are_numbers,
    axis_label,
    dots,
    measured_values,
    number_axis,
    scale_of,
    seeds_drawn,
    unknown,
)
from lossatlas.figures.style import magnification, style
from lossatlas.measures import Measure

_PANEL = (2.5, 2.2)  # inches
_ABREAST = 4  # panels in a row
_APART = 3.0  # points from the dots of one colour to those of the next, at one value of the axis
_ACROSS = 34  # letters of the words under a panel that stand side by side
_TURNED = 0.045  # inches of a letter of words that are turned
_LINE = 22  # letters of a line of such words
_SHARE = 0.6  # of the distance of two values, which the dots of all colours take at most


def trends(
    datasets: Datasets,
    *,
    measures: Mapping[str, Measure],
    along: str,
    by: str | None = None,
    at: Mapping[str, Any] | None = None,
    names: Names | None = None,
    xlabel: str = "",
    caption: str = "",
) -> Figure:
    """A panel for each of the ``measures``, by the label of its vertical axis: a dot a seed, a line at their median.

    What is only a lower bound is hollow, what left float range a triangle at the top. A scale is logarithmic where
    values span two decades, or most lie in a corner. Of an axis of words the median is a bar: nothing joins them.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        What the measures read.
    measures : mapping of str to Measure
        Label -> function, whose arguments name datasets, to an array over the sweep's axes.
    along : str
        Axis across, of numbers or of words.
    by : str, optional
        Axis that colours tell apart; None: a single colour.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    names : Names, optional
        Axis -> value -> what to call it; None: axis and value.
    xlabel : str, default ""
        Label of the horizontal axes; "": ``along``.
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
    shades = shades_of(by, next(iter(drawn.values())), datasets, names)
    with style():
        words = height_of_words(next(iter(drawn.values()))[along].values.tolist(), along, names)
        size = _PANEL[0], _PANEL[1] + words
        page, axes = row_over(len(drawn), _ABREAST, size, captioned(told_of(drawn, along), caption))
        for axis, (label, values) in zip(axes, drawn.items(), strict=True):
            groups = colored(values, by, shades)
            seeds_along(axis, values, along, groups, names)
            axis.set(ylabel=axis_label(values["value"], label), xlabel=xlabel or axis.get_xlabel())
            there = [
                value
                for value, (part, _) in zip(shades, groups, strict=False)
                if part["value"].notnull().any()
            ]
            say_lacking(axis, by, there, names, shades)
        if by is not None:
            legend_over(page, color_key(by, shades, names, marker="o", markersize=3.5))
    return page


def seeds_along(
    axis: Axes,
    values: xr.Dataset,
    along: str,
    groups: Sequence[tuple[xr.Dataset, Any]],
    names: Names | None,
) -> None:
    """A dot a seed at each value of the axis ``along``, those of each group, with its colour, beside each other.

    ``values``: value and open (along, [by], [seed]), of which ``groups`` are parts. Numbers stand where they are, on a
    log scale if they are a geometric series, and medians are joined; of words each has a place, and medians are bars.
    """
    known = values[along].values.tolist()
    scale_of(axis, "y", values["value"].values)
    ordered = are_numbers(known)
    if ordered:
        number_axis(axis, known)
        places = np.asarray(known, dtype=float)
    else:
        places = np.arange(len(known), dtype=float)
        axis.set_xticks(range(len(known)), _words(known, along, names))
        axis.set_xlim(-0.5, len(known) - 0.5)
    axis.set_xlabel(along.replace("_", " "))
    apart = _distance(axis, places, len(groups))
    for number, (of_group, shade) in enumerate(groups):
        aside = ScaledTranslation(
            apart * (number - (len(groups) - 1) / 2) / 72, 0, axis.figure.dpi_scale_trans
        )
        _dots(axis, of_group.transpose(along, ...), places, aside, shade, joined=ordered)
    axis.autoscale_view(scalex=False)


def height_of_words(values: Sequence[Any], along: str, names: Names | None) -> float:
    """Inches that the words under a panel take, where they are too long to stand side by side."""
    if are_numbers(values):
        return 0.0
    longest = max(len(line) for word in _words(values, along, names) for line in word.split("\n"))
    return 0.0 if len(values) * (longest + 2) <= _ACROSS else _TURNED * longest


def _words(values: Sequence[Any], along: str, names: Names | None) -> list[str]:
    """What values are called, those that are long in several lines."""
    return [textwrap.fill(_short(along, value, names), _LINE) for value in values]


def _distance(axis: Axes, places: np.ndarray, groups: int) -> float:
    """Points from the dots of one group to those of the next, about a dot: they stand at their number."""
    at = np.sort(axis.xaxis.get_transform().transform(places))
    left, right = axis.xaxis.get_transform().transform(np.asarray(axis.get_xlim()))
    gap = float(np.diff(at).min()) / (right - left) if len(at) > 1 else 1.0
    return min(_APART * magnification(), _SHARE * 72 * _PANEL[0] * magnification() * gap / max(groups, 1))


def _dots(
    axis: Axes, network: xr.Dataset, places: np.ndarray, aside: Transform, shade: Any, *, joined: bool
) -> None:
    """One colour. ``network``: value and open (along, [seed])."""
    values = network["value"]
    heights = values.values.reshape(len(values), -1)
    across = places[:, None] + np.zeros_like(heights)
    bound = network["open"].values.reshape(heights.shape)
    shifted = axis.transData + aside
    dots(axis, across, heights, bound, color=shade, markersize=3.5, alpha=0.75, transform=shifted)
    finite = np.isfinite(heights)
    axis.update_datalim(np.column_stack([across[finite], heights[finite]]))  # which shifted dots do not
    beyond = np.isposinf(heights)
    if beyond.any():
        at_top: dict[str, Any] = {"transform": axis.get_xaxis_transform() + aside, "clip_on": False}
        axis.plot(across[beyond], np.full(beyond.sum(), 0.985), "^", color=shade, markersize=4, **at_top)
    middle = np.array(
        [np.median(row[~np.isnan(row)]) if (~np.isnan(row)).any() else np.nan for row in heights]
    )
    middle = np.where(np.isfinite(middle), middle, np.nan)
    drawn: dict[str, Any] = (
        {"linewidth": 1.1} if joined else {"linestyle": "none", "marker": "_", "markersize": 9}
    )
    axis.plot(places, middle, color=shade, transform=shifted, **drawn)


def told_of(drawn: Mapping[str, xr.Dataset], along: str) -> str:
    """What dots, lines and marks mean, of how many seeds, and what is not there."""
    every = list(drawn.values())
    seeds = seeds_drawn([values["value"] for values in every])
    joined = are_numbers(every[0][along].values.tolist())
    told = f"A dot a seed{f' ({seeds})' if seeds else ''}, a {'line' if joined else 'bar'} at their median"
    told += "; hollow: at least that much" if any(bool(values["open"].any()) for values in every) else ""
    infinite = any(bool(np.isposinf(values["value"].values).any()) for values in every)
    told += "; triangles: beyond all bounds." if infinite else "."
    return f"{told} {unknown({label: values['value'] for label, values in drawn.items()})}".rstrip()


def _short(dim: str, value: Any, names: Names | None) -> str:
    """A value without its axis, which stands below: a number as it is, another by its name."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}"
    return called(dim, value, names).removeprefix(dim.replace("_", " ") + " ")
