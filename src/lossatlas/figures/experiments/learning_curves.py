"""The course of measures over the epochs of training, or along a line."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.layout import reference_curves
from lossatlas.figures.layout.arrangement import Datasets, Names, called
from lossatlas.figures.layout.page import (
    captioned,
    color_key,
    colored,
    entitle,
    grid_over,
    legend_over,
    say_lacking,
    shades_of,
    share_row,
)
from lossatlas.figures.layout.values import axis_label, measured_values, scale_of, seeds_drawn
from lossatlas.figures.style import SYMBOLS, style
from lossatlas.measures import Measure

_PANEL = (2.7, 2.2)  # inches


def learning_curves(
    datasets: Datasets,
    *,
    measures: Mapping[str, Measure],
    along: str,
    by: str | None = None,
    columns: str | None = None,
    at: Mapping[str, Any] | None = None,
    names: Names | None = None,
    reference: Measure | Mapping[str, Measure] | None = None,
    marks: Mapping[str, Sequence[float]] | None = None,
    dotted: Collection[str] = (),
    caption: str = "",
) -> Figure:
    """A row of panels for each of the ``measures``, by the label of its vertical axis: median and range over seeds.

    A scale is logarithmic where values span two decades.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        What the measures read.
    measures : mapping of str to Measure
        Label -> function, whose arguments name datasets, to an array over the sweep's axes and ``along``.
    along : str
        Axis across, which is one of numbers.
    by : str, optional
        Axis that colours tell apart; None: a single colour.
    columns : str, optional
        Axis whose values have a panel each, and one vertical scale; None: a single panel.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    names : Names, optional
        Axis -> value -> what to call it; None: axis and value.
    reference : Measure or mapping of str to Measure, optional
        Measures of the dataset "reference", which holds what the paper printed, by the labels of ``measures``; or only
        one, which goes with the first of them. They are drawn behind, dashed, in their group's colour, and not at all
        where there is no such dataset; None: none.
    marks : mapping of str to sequence of float, optional
        Places along the axis that vertical lines mark, by what is there, such as ``{"checkpoint": [20]}``; None: none.
    dotted : collection of str, optional
        Labels of measures that are known at single places alone, such as a rate at ends of epochs: dots, no lines.
    caption : str, default ""
        Text under the panels, such as the verdicts; "": none.

    Returns
    -------
    matplotlib.figure.Figure
        A page.

    Raises
    ------
    ValueError
        Without a measure, for a reference to none of the measures, and for an axis or a value that is not there, and
        for an axis of several values that nothing is said of.
    """
    if not measures:
        raise ValueError("the figure needs a measure to draw")
    axes_of = [along, *(axis for axis in (by, columns) if axis is not None)]
    drawn = {
        label: measured_values(datasets, measure, at or {}, axes_of)["value"]
        for label, measure in measures.items()
    }
    printed = reference_curves.printed(datasets, reference, drawn, at or {}, axes_of)
    first = next(iter(drawn.values()))
    shades = shades_of(by, first, datasets, names)
    across = [None] if columns is None else first[columns].values.tolist()
    with style():
        told = captioned(_told(drawn), reference_curves.TOLD if printed else "", caption)
        shape = len(drawn), len(across)
        page, _, axes = grid_over(shape, _PANEL, told, margin=(0.4, 0.2), sharex="col")
        for row, (label, values) in zip(axes, drawn.items(), strict=True):
            for axis, value in zip(row, across, strict=True):
                scale_of(axis, "y", np.append(values, printed.get(label, np.nan)))
                here = {} if value is None else {str(columns): value}
                for of_group, shade in (
                    colored(printed[label].sel(here), by, shades) if label in printed else []
                ):
                    reference_curves.dashed(axis, of_group.dropna(along, how="all"), along, color=shade)
                groups = colored(values.sel(here), by, shades)
                if label in dotted:
                    _dot(axis, groups, along)
                else:
                    panels.spreads(axis, groups, along)
                there = [arm for arm, (part, _) in zip(shades, groups, strict=False) if part.notnull().any()]
                say_lacking(axis, by, there, names, shades)
                axis.margins(x=0.02 if marks else 0)  # so that a mark at the end stands beside the frame
                reference_curves.vertical_marks(axis, marks or {})
            row[0].set_ylabel(axis_label(values, label))
            share_row(row)
        entitle(axes[0], (called(columns, value, names) for value in across))
        for axis in axes[-1]:
            axis.set_xlabel(SYMBOLS.get(along, along.replace("_", " ")))
        if key := [*color_key(by, shades, names), *reference_curves.key(printed, marks or {})]:
            legend_over(page, key)
    return page


def _dot(axis: Axes, groups: Sequence[tuple[xr.DataArray, Any]], along: str) -> None:
    """Medians where they are known, with nothing between them."""
    for values, shade in groups:
        middle = values.median([dim for dim in values.dims if dim != along])
        axis.plot(values[along].values, middle.values, "o", color=shade, markersize=2.2, clip_on=False)


def _told(drawn: Mapping[str, xr.DataArray]) -> str:
    seeds = seeds_drawn(drawn.values())
    return f"Median and range over {seeds}." if seeds else ""
