"""Log-scaled surfaces in three dimensions, on paper, as figure 1 of Li et al. 2018 (arXiv:1712.09913)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import Datasets, Names, arrange
from lossatlas.figures.layout.page import error_below, first_network, networks_over, unsurveyed
from lossatlas.figures.style import style

_PANEL = (2.6, 2.5)  # inches


def reliefs(
    datasets: Datasets,
    *,
    columns: str | None = None,
    rows: str | None = None,
    at: Mapping[str, Any] | None = None,
    landscape: str | Sequence[str] = "surface",
    split: str = "train",
    names: Names | None = None,
    ceiling: float = 100.0,
    caption: str = "",
) -> Figure:
    """A surface for each value of the axes ``rows`` and ``columns``, heights and colours on one log scale.

    The arguments are those of `contours`; what lies over ``ceiling`` is cut off there, and what left float range stands
    there in grey.
    """
    arranged = arrange(datasets, landscape, rows=rows, columns=columns, at=at, names=names)
    networks = [first_network(panel, "loss", split) for panel in arranged.flat]
    low, high = _log_range([loss for loss in networks if loss is not None], ceiling)
    told = f"{split} loss on a log scale from {low:.2g} to {high:.3g}, cut off there"
    in_3d = {"projection": "3d"}
    with style():
        page, _, shown = networks_over(arranged, networks, _PANEL, told, caption, subplot_kw=in_3d)
        for axis, panel, loss in shown:
            below = error_below(panel)
            if loss is None:
                axis.set_axis_off()
                unsurveyed(axis)
            elif beyond := panels.relief(axis, loss, low=low, high=high):
                below += f"\ngrey: beyond float range, {beyond} of {loss.size} points"
            axis.annotate(below, (0.5, -0.14), xycoords="axes fraction", ha="center", va="top", fontsize=8)
    return page


def _log_range(surfaces: Sequence[xr.DataArray], ceiling: float) -> tuple[float, float]:
    """From the least to the greatest positive loss of all, at most ``ceiling``; a decade at least.

    >>> _log_range([xr.DataArray([0.02, 3.0]), xr.DataArray([1e30, np.inf])], ceiling=1e4)
    (0.02, 10000.0)
    """
    values = np.concatenate([surface.values.ravel() for surface in surfaces] or [np.zeros(0)])
    values = values[np.isfinite(values) & (values > 0)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (1.0, 1.0)
    high = min(high, ceiling)
    low = min(low, high)
    return (low, high) if high >= 10 * low else (high / 10, high)
