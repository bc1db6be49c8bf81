"""What is measured along paths between networks, as figure 2 of Garipov et al. 2018 (arXiv:1802.10026)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lossatlas.figures import panels as drawing
from lossatlas.figures.layout.arrangement import Datasets, Names, require_axes, variable_of
from lossatlas.figures.layout.page import color_key, colored, legend_over, row_over, share_scale, unsurveyed
from lossatlas.figures.style import BAND, style
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
    ceiling: float | None = None
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

    ``panels``: keywords of `Profile`. ``colors``: the axis of the sweep that colours tell apart. ``at`` chooses a value
    of an axis, or lists those to show, in their order; ``names`` says what values are called. ``columns``: panels in a
    row at most. ``shared``: one vertical scale for all. ValueError for a dataset, a variable, an axis or a value that
    is not there.
    """
    profiles = {label: _Profile(**panel) for label, panel in panels.items()}
    drawn = {label: _values(datasets, profile, at or {}, colors) for label, profile in profiles.items()}
    with style():
        page, axes = row_over(len(panels), columns, _PANEL, caption)
        for axis, (label, profile) in zip(axes, profiles.items(), strict=True):
            _draw(axis, drawn[label], colors, profile)
            axis.set(xlabel=xlabel, ylabel=label)
        if shared:
            share_scale(axes)
        key = color_key(colors, next(iter(drawn.values())), names)
        band = Patch(color="0.3", alpha=BAND, linewidth=0, label="median and range over seeds")
        legend_over(page, [*key, band])
    return page


def _values(datasets: Datasets, profile: _Profile, at: Mapping[str, Any], colors: str | None) -> xr.DataArray:
    values = variable_of(datasets, profile.landscape, profile.variable)
    values = select(values, {**at, **profile.at, "split": profile.split})
    require_axes(values, [colors])
    return profile.scale * values[profile.variable]


def _draw(axis: Axes, values: xr.DataArray, colors: str | None, profile: _Profile) -> None:
    for of_group, shade in colored(values, colors):
        drawing.shaded_band(axis, of_group, "t", color=shade)
    drawing.loss_scale(axis, log=profile.log, ceiling=profile.ceiling)
    axis.margins(x=0)
    if not bool(values.notnull().any()):
        unsurveyed(axis)
