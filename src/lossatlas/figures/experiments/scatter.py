"""One measure against another, a dot a network."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import spearmanr

from lossatlas.figures.layout.arrangement import Datasets, Names, called
from lossatlas.figures.layout.page import captioned, color_key, colored, grid_over, shades_of
from lossatlas.figures.layout.values import axis_label, dots, measured_values, scale_of
from lossatlas.figures.style import MARKERS, ink, points, style
from lossatlas.measures import Measure

_SIZE = (5.4, 3.4)  # inches


def scatter(
    datasets: Datasets,
    *,
    x: Measure,
    y: Measure,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, Any] | None = None,
    names: Names | None = None,
    caption: str = "",
) -> Figure:
    """``y`` against ``x``, a dot a network.

    What is only a lower bound is hollow. Spearman's rank correlation of all that is drawn stands in the corner;
    networks of which one measure is not finite are left out and counted.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        What the measures read.
    x, y : Measure
        Functions, whose arguments name datasets, to an array over the sweep's axes: across, and upwards.
    by : str or sequence of str, optional
        Axis that colours tell apart, and a second one that markers do; None: neither.
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
        For more than two axes, and for an axis or a value that is not there, and for an axis of several values that
        nothing is said of.
    """
    axes = [by] if isinstance(by, str) else list(by or [])
    if len(axes) > 2:
        raise ValueError(f"by: colours and markers tell two axes apart, got {axes}")
    across, up = (measured_values(datasets, measure, at or {}, axes) for measure in (x, y))
    parts = xr.broadcast(across["value"], up["value"], across["open"] | up["open"])
    networks = xr.Dataset(dict(zip(("x", "y", "open"), parts, strict=True)))
    finite = np.isfinite(networks["x"].values) & np.isfinite(networks["y"].values)
    lost = int((networks["x"].notnull() & networks["y"].notnull()).sum()) - int(finite.sum())
    told = f"A dot a network{'; hollow: at least that much' if networks['open'].any() else ''}."
    told += f" {lost} beyond float range are not drawn." if lost else ""
    shades = shades_of(axes[0], networks, datasets, names) if axes else {}
    with style():
        page, _, ((axis,),) = grid_over((1, 1), _SIZE, captioned(told, caption))
        for direction in ("x", "y"):
            scale_of(axis, direction, networks[direction].values[finite])
        for group, shade, marker in _groups(networks, axes, shades):
            places = [group[part].values for part in ("x", "y", "open")]
            dots(axis, *places, marker=marker, color=shade, markersize=4.5, alpha=0.8)
        axis.set(xlabel=axis_label(across["value"]), ylabel=axis_label(up["value"]))
        if finite.sum() > 2:
            rho = spearmanr(networks["x"].values[finite], networks["y"].values[finite]).statistic
            told = f"Spearman's ρ = {rho:.2f} over {finite.sum()} networks".replace("-", "−")
            axis.set_title(told, loc="right", fontsize=points(7.5))
        if axes:
            page.legend(handles=_key(networks, axes, shades, names), loc="outside right upper")
    return page


def _groups(
    networks: xr.Dataset, axes: Sequence[str], shades: Mapping[Any, Any]
) -> Iterator[tuple[xr.Dataset, Any, str]]:
    """The networks of each colour and marker."""
    first, second = (*axes, None, None)[:2]
    for of_color, shade in colored(networks, first, shades):
        places = range(networks.sizes[second]) if second else [0]
        for place in places:
            yield of_color.isel({second: place} if second else {}), shade, MARKERS[place % len(MARKERS)]


def _key(
    networks: xr.Dataset, axes: Sequence[str], shades: Mapping[Any, Any], names: Names | None
) -> list[Line2D]:
    """A handle for each colour, then one for each marker."""
    key = color_key(axes[0], shades, names, marker="o", linestyle="none")
    for axis in axes[1:]:
        for value, marker in zip(networks[axis].values.tolist(), cycle(MARKERS), strict=False):
            name = called(axis, value, names)
            key.append(Line2D([], [], color=ink(0.7), marker=marker, linestyle="none", label=name))
    return key
