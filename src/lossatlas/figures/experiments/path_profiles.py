"""What is measured along paths between networks, as figure 2 of Garipov et al. 2018 (arXiv:1802.10026)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lossatlas.figures import panels as drawing
from lossatlas.figures.layout.arrangement import Datasets, Names, called, narrowed
from lossatlas.figures.layout.page import captioned, legend_over, page_over, share_scale, unsurveyed
from lossatlas.figures.style import BAND, LOSS, colors_of, style

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
    with style():
        across = min(len(panels), columns)
        rows = -(-len(panels) // across)
        page, (sheet,) = page_over([_PANEL[1] * rows], _PANEL[0] * across, captioned(caption))
        axes = sheet.subplots(rows, across, squeeze=False).ravel()
        for axis, (label, profile) in zip(axes, profiles.items(), strict=False):
            _draw(axis, drawn[label], colors, profile)
            axis.set(xlabel=xlabel, ylabel=label)
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        if shared:
            share_scale(axes[: len(panels)])
        legend_over(page, _key(next(iter(drawn.values())), colors, names))
    return page


def _values(datasets: Datasets, profile: _Profile, at: Mapping[str, Any], colors: str | None) -> xr.DataArray:
    if profile.landscape not in datasets:
        raise ValueError(f"the figure needs the dataset {profile.landscape!r}; there are {sorted(datasets)}")
    landscape = datasets[profile.landscape]
    if profile.variable not in landscape:
        known = sorted(map(str, landscape.data_vars))
        raise ValueError(f"{profile.landscape!r} has no {profile.variable!r}; it has {known}")
    narrow = narrowed(landscape[[profile.variable]], {**at, **profile.at, "split": profile.split})
    if colors is not None and colors not in narrow.dims:
        raise ValueError(f"the sweep has no axis {colors!r}; it has {sorted(map(str, narrow.dims))}")
    return profile.scale * narrow[profile.variable]


def _draw(axis: Axes, values: xr.DataArray, colors: str | None, profile: _Profile) -> None:
    for number, shade in enumerate(_shades(values, colors)):
        of_group = values if colors is None else values.isel({colors: number}, drop=True)
        drawing.shaded_band(axis, of_group, "t", color=shade)
    drawing.loss_scale(axis, log=profile.log, ceiling=profile.ceiling)
    axis.margins(x=0)
    if not bool(values.notnull().any()):
        unsurveyed(axis)


def _shades(values: xr.DataArray, colors: str | None) -> Sequence[Any]:
    return [LOSS] if colors is None else colors_of(values[colors].values.tolist())


def _key(values: xr.DataArray, colors: str | None, names: Names | None) -> list[Artist]:
    groups = [] if colors is None else values[colors].values.tolist()
    lines = [
        Line2D([], [], color=shade, label=called(colors, group, names))
        for group, shade in zip(groups, _shades(values, colors), strict=False)
    ]
    return [*lines, Patch(color="0.3", alpha=BAND, linewidth=0, label="median and range over seeds")]
