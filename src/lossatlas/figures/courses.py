"""The course of measures over the epochs of training, or along a line."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lossatlas.figures import panels
from lossatlas.figures.arrangement import Datasets, Names, called
from lossatlas.figures.measured import Measure, axis_label, measured, scale_of
from lossatlas.figures.page import NARROWEST, captioned, legend_over, page_over, share_scale
from lossatlas.figures.style import LOSS, SYMBOLS, colors_of, style

PANEL = (2.7, 2.2)  # inches


def figure(
    datasets: Datasets,
    *,
    measures: Mapping[str, Measure],
    along: str,
    by: str | None = None,
    columns: str | None = None,
    at: Mapping[str, Any] | None = None,
    names: Names | None = None,
    caption: str = "",
) -> Figure:
    """A row of panels for each of the ``measures``, by the label of its vertical axis: median and range over seeds.

    ``measures``: functions of the ``datasets`` to an array over the sweep's axes and ``along``, the axis across, which
    is one of numbers. ``by``: the axis that colours tell apart; ``columns``: the one whose values have a panel each,
    and one vertical scale. A scale is logarithmic where values span two decades. ``at`` and ``names`` are as in
    `arrange <lossatlas.figures.arrangement.arrange>`. ValueError without a measure, and for an axis that is not there.
    """
    if not measures:
        raise ValueError("the figure needs a measure to draw")
    axes_of = [along, *(axis for axis in (by, columns) if axis is not None)]
    drawn = {
        label: measured(datasets, measure, at or {}, axes_of)["value"] for label, measure in measures.items()
    }
    first = next(iter(drawn.values()))
    across = [None] if columns is None else first[columns].values.tolist()
    with style():
        told = captioned("Median and range over seeds." if "seed" in first.dims else "", caption)
        width = max(PANEL[0] * len(across) + 0.4, NARROWEST)
        page, (sheet,) = page_over([PANEL[1] * len(drawn) + 0.2], width, told)
        axes = sheet.subplots(len(drawn), len(across), squeeze=False, sharex="col")
        for row, (label, values) in zip(axes, drawn.items(), strict=True):
            for axis, value in zip(row, across, strict=True):
                scale_of(axis, "y", values.values)
                _panel(axis, values if value is None else values.sel({str(columns): value}), along, by)
            row[0].set_ylabel(axis_label(values, label))
            _as_one(row)
        for axis, value in zip(axes[0], across, strict=True):
            axis.set_title(called(columns, value, names), fontweight="bold")
        for axis in axes[-1]:
            axis.set_xlabel(SYMBOLS.get(along, along.replace("_", " ")))
        if by is not None:
            legend_over(page, _key(first[by].values.tolist(), by, names))
    return page


def _panel(axis: Axes, values: xr.DataArray, along: str, by: str | None) -> None:
    groups = [None] if by is None else values[by].values.tolist()
    shades = [LOSS] if by is None else colors_of(groups)
    for number, shade in enumerate(shades):
        of_group = values if by is None else values.isel({by: number})
        known = of_group.dropna(along, how="all")
        if known.size:
            panels.spread(axis, known, along, color=shade)
    axis.margins(x=0)


def _as_one(row: np.ndarray) -> None:
    """One vertical scale for a row of panels, with its numbers on the left alone."""
    share_scale(row)
    for axis in row[1:]:
        axis.tick_params(labelleft=False)


def _key(groups: list[Any], by: str, names: Names | None) -> list[Line2D]:
    shades = colors_of(groups)
    return [
        Line2D([], [], color=shade, label=called(by, group, names))
        for group, shade in zip(groups, shades, strict=True)
    ]
