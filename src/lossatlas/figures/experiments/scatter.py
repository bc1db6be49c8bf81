"""One measure against another, a dot a network."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import spearmanr

from lossatlas.figures.layout.arrangement import Datasets, Names, called
from lossatlas.figures.layout.page import captioned, page_over
from lossatlas.figures.layout.values import axis_label, measured_values, scale_of
from lossatlas.figures.style import LOSS, MARKERS, colors_of, style
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
    with style():
        page, (sheet,) = page_over([_SIZE[1]], _SIZE[0], captioned(told, caption))
        axis = sheet.subplots()
        for direction in ("x", "y"):
            scale_of(axis, direction, networks[direction].values[finite])
        for group, shade, marker in _groups(networks, axes):
            _dots(axis, group, shade, marker)
        axis.set(xlabel=axis_label(across["value"]), ylabel=axis_label(up["value"]))
        if finite.sum() > 2:
            rho = spearmanr(networks["x"].values[finite], networks["y"].values[finite]).statistic
            axis.set_title(
                f"Spearman's ρ = {rho:.2f} over {finite.sum()} networks".replace("-", "−"),
                loc="right",
                fontsize=7.5,
            )
        if axes:
            page.legend(handles=_key(networks, axes, names), loc="outside right upper")
    return page


def _groups(networks: xr.Dataset, axes: Sequence[str]) -> Iterator[tuple[xr.Dataset, Any, str]]:
    """The networks of each colour and marker."""
    sizes = [networks.sizes[axis] for axis in axes]
    shades = colors_of(networks[axes[0]].values.tolist()) if axes else [LOSS]
    for places in np.ndindex(*sizes):
        group = networks.isel(dict(zip(axes, places, strict=True)))
        first, second = (*places, 0, 0)[:2]
        yield group, shades[first], MARKERS[second % len(MARKERS)]


def _dots(axis: Axes, group: xr.Dataset, shade: Any, marker: str) -> None:
    for hollow, face in ((False, shade), (True, "none")):
        chosen = group["open"].values == hollow
        across, up = (np.where(chosen, group[direction].values, np.nan).ravel() for direction in ("x", "y"))
        drawn = np.isfinite(across) & np.isfinite(up)
        axis.plot(
            across[drawn],
            up[drawn],
            marker,
            color=shade,
            markerfacecolor=face,
            markersize=4.5,
            alpha=0.8,
            linestyle="none",
        )


def _key(networks: xr.Dataset, axes: Sequence[str], names: Names | None) -> list[Line2D]:
    """A handle for each colour, then one for each marker."""
    first, *second = ([(axis, value) for value in networks[axis].values.tolist()] for axis in axes)
    shades = colors_of([value for _, value in first])
    handles = [
        Line2D([], [], color=shade, marker="o", linestyle="none", label=called(*value, names))
        for value, shade in zip(first, shades, strict=True)
    ]
    return handles + [
        Line2D(
            [],
            [],
            color="0.3",
            marker=MARKERS[k % len(MARKERS)],
            linestyle="none",
            label=called(*value, names),
        )
        for values in second
        for k, value in enumerate(values)
    ]
