"""What is measured along paths between networks, as figure 2 of Garipov et al. 2018 (arXiv:1802.10026)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures import panels as drawing
from lossatlas.figures.layout.arrangement import Datasets, Names, require_axes, variable_of
from lossatlas.figures.layout.page import (
    captioned,
    color_key,
    colored,
    legend_over,
    row_over,
    say_lacking,
    shades_of,
    share_scale,
    unsurveyed,
)
from lossatlas.figures.layout.values import seeds_drawn
from lossatlas.figures.style import style
from lossatlas.measures.selection import select

_PANEL = (2.5, 2.1)  # inches


@dataclass(frozen=True)
class _Profile:
    """One panel: a ``variable`` of a ``split``, times ``scale``, on a log scale or up to ``ceiling``; ``at``: whose."""

    variable: str
    split: str = "train"
    landscape: str = "path"
    scale: float = 1.0
    log: bool = False
    ceiling: float = np.inf
    at: Mapping[str, Any] = field(default_factory=dict)


def path_profiles(
    datasets: Datasets,
    *,
    panels: Mapping[str, Mapping[str, Any]],
    colors: str | None = None,
    at: Mapping[str, Any] | None = None,
    names: Names | None = None,
    columns: int = 4,
    shared: bool = False,
    xlabel: str = "position t on the path",
    caption: str = "",
) -> Figure:
    """A panel for each of ``panels``, by the label of its vertical axis: median and range over seeds along the path.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        Landscapes of paths, their variables over (..., seed, split, t).
    panels : mapping of str to mapping
        Label -> ``variable``, its name; ``split``, by default "train"; ``landscape``, by default "path"; ``scale``, a
        factor, by default 1; ``log``, a log scale; ``ceiling``, the largest value drawn, by default none; ``at``, as
        below.
    colors : str, optional
        Axis of the sweep that colours tell apart; None: a single colour.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    names : Names, optional
        Axis -> value -> what to call it; None: axis and value.
    columns : int, default 4
        Panels in a row, at most.
    shared : bool, default False
        One vertical scale for all panels; by default each has its own.
    xlabel : str, default "position t on the path"
        Label of the horizontal axes.
    caption : str, default ""
        Text under the panels, such as the verdicts; "": none.

    Returns
    -------
    matplotlib.figure.Figure
        A page.

    Raises
    ------
    ValueError
        For a dataset, a variable, an axis or a value that is not there.
    """
    profiles = {label: _Profile(**panel) for label, panel in panels.items()}
    drawn = {label: _values(datasets, profile, at or {}, colors) for label, profile in profiles.items()}
    shades = shades_of(colors, next(iter(drawn.values())), datasets, names)
    seeds = seeds_drawn(drawn.values())
    told = f"Median and range over {seeds}." if seeds else ""
    with style():
        page, axes = row_over(len(panels), columns, _PANEL, captioned(told, caption))
        for axis, (label, profile) in zip(axes, profiles.items(), strict=True):
            groups = colored(drawn[label], colors, shades)
            _draw(axis, groups, profile)
            there = [arm for arm, (part, _) in zip(shades, groups, strict=False) if part.notnull().any()]
            say_lacking(axis, colors, there, names, shades)
            axis.set(xlabel=xlabel, ylabel=label)
        if shared:
            share_scale(axes)
        if colors is not None:
            legend_over(page, color_key(colors, shades, names))
    return page


def _values(datasets: Datasets, profile: _Profile, at: Mapping[str, Any], colors: str | None) -> xr.DataArray:
    values = variable_of(datasets, profile.landscape, profile.variable)
    values = select(values, {**at, **profile.at, "split": profile.split})
    require_axes(values, [colors])
    return profile.scale * values[profile.variable]


def _draw(axis: Axes, groups: Sequence[tuple[xr.DataArray, Any]], profile: _Profile) -> None:
    there = any(bool(values.notnull().any()) for values, _ in groups)
    if profile.log and there:
        axis.set_yscale("log")
    drawing.spreads(axis, groups, "t")
    drawing.loss_scale(axis, log=profile.log, ceiling=profile.ceiling)
    axis.margins(x=0)
    if not there:
        unsurveyed(axis)
