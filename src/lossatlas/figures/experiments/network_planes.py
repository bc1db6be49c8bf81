"""Planes through networks, with the curves between them, as figure 1 of Garipov et al. 2018 (arXiv:1802.10026)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from lossatlas.figures import panels as drawing
from lossatlas.figures.layout.arrangement import Datasets, first_surveyed, is_surveyed, needed
from lossatlas.figures.layout.page import captioned, entitle, grid_over, shown_network, unsurveyed_plane
from lossatlas.figures.style import points, style
from lossatlas.measures.selection import select

_PANEL = (2.7, 2.5)  # inches
_LABELS = 0.7  # inches of a panel's height for title and labels
_FEWEST = 1.5  # panels of which a page has the width at least
_BAR = 0.9  # inches of the page's width for the colours


@dataclass(frozen=True)
class _Plane:
    """One panel: the networks of a sweep ``at`` some values of its axes, in the plane of a landscape.

    ``points`` are the names of the networks that the plane goes through, by their number.
    """

    landscape: str = "plane"
    at: Mapping[str, Any] = field(default_factory=dict)
    points: Mapping[int, str] = field(default_factory=dict)


def network_planes(
    datasets: Datasets,
    *,
    panels: Mapping[str, Mapping[str, Any]],
    variable: str = "loss",
    split: str = "train",
    highest: float = drawing.HIGHEST,
    label: str = "",
    caption: str = "",
) -> Figure:
    """A panel for each of ``panels``, by its title: colours of ``variable``, the networks, and the curves.

    Each shows the first seed that was surveyed. Where a plane has a curve, a dashed line joins its two ends.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        Landscapes of planes with the ``variable`` (..., seed, split, y, x).
    panels : mapping of str to mapping
        Title -> ``landscape``, its name, by default "plane"; ``at``, the values of the sweep's axes, by default none;
        ``points``, number -> name of the networks that the plane goes through, by default none.
    variable : str, default "loss"
        What the colours show.
    split : str, default "train"
        Which split is drawn.
    highest : float, default 5.0
        Value at which the colours end, those of `panels.log_levels`, the same in all panels; where all values are
        larger they go up to the largest.
    label : str, default ""
        Of the colours' bar; "": split and variable.
    caption : str, default ""
        Text under the panels, such as the verdicts; "": none.

    Returns
    -------
    matplotlib.figure.Figure
        A page.

    Raises
    ------
    ValueError
        For a dataset, an axis or a value that is not there.
    """
    chosen = {title: _network(datasets, _Plane(**panel)) for title, panel in panels.items()}
    shown = {
        title: select(network, {"split": split}) for title, network in chosen.items() if network is not None
    }
    label = label or f"{split} {variable.replace('_', ' ')}"
    told = shown_network([network[variable] for network in shown.values()])
    told += f"; colours: {label}, in steps even in the logarithm of the distance from the lowest value. "
    if any(map(_has_curve, shown.values())):
        told += "Dashed: the straight line between two optima."
    with style():
        shapes = [_shape(shown[title]) if title in shown else 1.0 for title in panels]
        width = _PANEL[0] * max(len(panels), _FEWEST)
        size = width / len(panels), width / sum(shapes) + _LABELS
        page, sheet, ((*axes,),) = grid_over(
            *((1, len(panels)), size, captioned(told, caption)),
            margin=(_BAR, 0.0),
            narrowest=0.0,
            width_ratios=shapes,
        )
        entitle(axes, panels)
        levels = drawing.log_levels(*(network[variable] for network in shown.values()), highest=highest)
        colours: ScalarMappable | None = None
        for axis, (title, panel) in zip(axes, panels.items(), strict=True):
            if title not in shown:
                unsurveyed_plane(axis)
                continue
            network = shown[title]
            colours = drawing.filled_contours(axis, network[variable], levels)
            chord = _has_curve(network)
            drawing.networks_and_curves(axis, network, names=panel.get("points"), chord=chord)
            axis.set(xlabel="distance", ylabel="distance" if axis is axes[0] else "")
        if colours is not None:
            digits = "%.2g" if levels[0] < highest else "%.4g"
            bar = sheet.colorbar(colours, ax=axes, format=digits, label=label, extend="max", pad=0.015)
            bar.ax.tick_params(labelsize=points(6.5))
    return page


def _network(datasets: Datasets, panel: _Plane) -> xr.Dataset | None:
    """The landscape of the network that a panel shows; None if it was not surveyed."""
    there = select(needed(datasets, panel.landscape), panel.at)
    return first_surveyed(there) if is_surveyed(there) else None


def _shape(network: xr.Dataset) -> float:
    """Width of a plane over its height, so that panels beside each other are of one height."""
    return float(np.ptp(network["x"].values) / np.ptp(network["y"].values))


def _has_curve(network: xr.Dataset) -> bool:
    return "curve_x" in network and bool(network["curve_x"].notnull().any())
