"""A path of training in random planes and in its principal one, as figure 8 of Li et al. 2018 (arXiv:1712.09913)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures.layout.arrangement import Datasets, Names, arrange, first_surveyed
from lossatlas.figures.layout.page import captioned, grid_over, unsurveyed
from lossatlas.figures.style import ERROR, LOSS, points, style

_PANEL = (2.6, 2.3)  # inches
_SMALL = 0.01  # coordinates below it are given in a smaller unit
_PLANES = {  # title -> x, y, the share of the variance, labels
    "two random directions": (
        *("random_x", "random_y", "random_explained_ratio"),
        *("random direction", "another"),
    ),
    "from end to beginning, and random": (
        *("chord_x", "chord_y", "chord_explained_ratio"),
        *("distance along the chord", "random direction"),
    ),
    "principal directions": (
        *("path_x", "path_y", "plane_explained_ratio"),
        *("1st component", "2nd component"),
    ),
}


def training_path_planes(
    datasets: Datasets,
    *,
    rows: str | None = None,
    at: Mapping[str, Any] | None = None,
    landscape: str = "trajectory",
    names: Names | None = None,
    caption: str = "",
) -> Figure:
    """The path of one network for each value of ``rows``, in three planes; random ones are those of the first draw.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        The ``landscape``, and summary with test_error, both over the sweep's axes and the seeds.
    rows : str, optional
        Axis of the sweep whose values have a row each; None: a single row.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    landscape : str, default "trajectory"
        Name of the dataset drawn, of the survey `trajectory`.
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
        For a dataset, an axis or a value that is not there, and for an axis of several values that nothing is said of.
    """
    arranged = arrange(datasets, landscape, rows=rows, at=at, names=names)
    told = "Each panel has scales of its own; the first network of each path is a square, the last a cross. Random "
    told += "directions are unscaled Gaussians, in units of which their coordinates are."
    with style():
        shape = len(arranged.rows), len(_PLANES)
        page, _, axes = grid_over(shape, _PANEL, captioned(told, caption))
        for panel, row, name in zip(arranged.flat, axes, arranged.rows, strict=True):
            network = first_surveyed(panel.landscape)
            for axis, (plane, variables) in zip(row, _PLANES.items(), strict=True):
                _path(axis, network, *variables)
                axis.set_title(captioned(name, plane, axis.get_title()), fontsize=points(7.5))
    return page


def _path(axis: Axes, network: xr.Dataset, x: str, y: str, share: str, x_label: str, y_label: str) -> None:
    """The path in one plane, with the share of its variance that is seen there as the title."""
    if "draw" in network.dims:
        network = network.isel(draw=0)
    across, up = (network[name].values for name in (x, y))
    known = np.isfinite(across) & np.isfinite(up)
    if not known.any():
        unsurveyed(axis)
        return
    across, up = across[known], up[known]
    (across, x_label), (up, y_label) = _readable(across, x_label), _readable(up, y_label)
    axis.plot(across, up, "o-", color=LOSS, markersize=2, linewidth=0.8)
    for place, marker in ((0, "s"), (-1, "X")):
        axis.plot(across[place], up[place], marker, color=ERROR, markersize=5)
    axis.set(xlabel=x_label, ylabel=y_label, title=f"{100 * float(network[share]):.2g} % of the variance")


def _readable(values: np.ndarray, label: str) -> tuple[np.ndarray, str]:
    """Small coordinates in a unit that leaves few zeros.

    >>> _readable(np.array([0.0, 4e-4]), "x")
    (array([0., 4.]), 'x ($10^{-4}$)')
    """
    largest = abs(values).max()
    if largest == 0 or largest >= _SMALL:
        return values, label
    power = int(np.floor(np.log10(largest)))
    return values / 10.0**power, f"{label} ($10^{{{power}}}$)"
