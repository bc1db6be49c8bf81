"""Log-scaled surfaces in three dimensions, on paper, as figure 1 of Li et al. 2018 (arXiv:1712.09913)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import Datasets, Names, arrange
from lossatlas.figures.layout.page import error_below, first_network, networks_over, unsurveyed
from lossatlas.figures.style import points, style
from lossatlas.measures.ceiling import fitting_ceiling

_PANEL = (2.6, 2.5)  # inches
_CEILING = 100.0


def reliefs(
    datasets: Datasets,
    *,
    columns: str | None = None,
    rows: str | None = None,
    at: Mapping[str, Any] | None = None,
    landscape: str | Sequence[str] = "surface",
    split: str = "train",
    names: Names | None = None,
    ceiling: float | None = None,
    caption: str = "",
) -> Figure:
    """A surface for each value of the axes ``rows`` and ``columns``, heights and colours on one log scale.

    A panel shows the network of the first seed that was surveyed. What left float range stands at the ceiling in grey.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        The ``landscape`` or landscapes with loss (..., seed, split, y, x), and summary with test_error (..., seed), a
        share.
    columns, rows : str, optional
        Axes of the sweep or of the landscape whose values have a panel each, or "landscape" for several landscapes of
        the same networks; None: a single one.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    landscape : str or sequence of str, default "surface"
        Names of the datasets drawn; several need a place, columns or rows "landscape".
    split : str, default "train"
        Which split is drawn.
    names : Names, optional
        Axis -> value -> what to call it; None: axis and value.
    ceiling : float, optional
        Loss at which the surfaces are cut off; None: 100, or if all losses of a network are larger a power of ten above
        its lowest.
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
            axis.annotate(
                below, (0.5, -0.14), xycoords="axes fraction", ha="center", va="top", fontsize=points(8)
            )
    return page


def _log_range(surfaces: Sequence[xr.DataArray], ceiling: float | None) -> tuple[float, float]:
    """From the least to the greatest positive loss of all, at most ``ceiling``; a decade at least.

    >>> _log_range([xr.DataArray([0.02, 3.0]), xr.DataArray([1e30, np.inf])], ceiling=1e4)
    (0.02, 10000.0)
    """
    values = np.concatenate([surface.values.ravel() for surface in surfaces] or [np.zeros(0)])
    values = values[np.isfinite(values) & (values > 0)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (1.0, 1.0)
    high = min(high, fitting_ceiling(*surfaces, usual=_CEILING) if ceiling is None else ceiling)
    low = min(low, high)
    return (low, high) if high >= 10 * low else (high / 10, high)
