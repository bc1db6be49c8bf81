"""Panels of a surface in colours that tell small losses apart as well as large ones."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.patheffects import withStroke

from lossatlas.figures import style
from lossatlas.figures.panels.marks import beside
from lossatlas.figures.panels.planes import fill_plane, frame, plane_values

FINEST = np.exp(-5.0)  # of the first level above the lowest value, in Garipov et al.'s code
HIGHEST = 5.0  # level beyond which all is of one colour, there
COUNT = 7  # of levels between the lowest and the highest, there
_OUTLINE = [withStroke(linewidth=2.6, foreground="white")]


def log_levels(
    *surfaces: xr.DataArray, highest: float = HIGHEST, finest: float = FINEST, count: int = COUNT
) -> np.ndarray:
    """Levels whose distances from the lowest value of all ``surfaces`` grow evenly in their logarithm, (count + 1,).

    The first is the lowest value, the last the largest, ``highest`` at most, and those between begin with what would be
    ``finest`` above the lowest: the colours of figure 1 of Garipov et al. 2018 (arXiv:1802.10026) in their code.

    >>> bowl = xr.DataArray([[0.5, 1.5], [2.5, 20.5]], dims=("y", "x"))
    >>> log_levels(bowl, highest=10.5, finest=0.1, count=2).round(3).tolist()
    [0.5, 1.5, 10.5]
    """
    values = np.concatenate([surface.values.ravel() for surface in surfaces])
    values = values[np.isfinite(values)]
    low, high = values.min(), min(values.max(), highest)
    span = max(high - low, 2 * finest)  # of a surface that is nearly flat
    steps = np.exp(np.linspace(np.log(finest), np.log(span), count + 1))
    return np.asarray([low, *(low + steps[1:])])


def filled_contours(axis: Axes, surface: xr.DataArray, levels: np.ndarray) -> ScalarMappable:
    """Bands of colour between ``levels``, and one beyond the last; returns what a bar is for. ``surface``: (y, x)."""
    x, y, values = plane_values(surface)
    norm = BoundaryNorm(levels, style.COLORMAP.N, extend="max")
    frame(axis, x, y)
    filled = axis.contourf(x, y, values, levels=levels, cmap=style.COLORMAP, norm=norm, extend="max")
    if values.count() and levels[1] < values.max():
        axis.contour(x, y, values, levels=levels[1:], colors="white", linewidths=0.5, alpha=0.7)
    fill_plane(axis, x, y, values)
    return filled


def networks_and_curves(
    axis: Axes, landscape: xr.Dataset, *, names: Mapping[int, str] | None = None, chord: bool = True
) -> None:
    """The networks that a plane goes through, with their ``names`` by number, and the curves that are seen in it.

    ``landscape``: point_x, point_y (point,), and curve_x, curve_y (curve, curve_t) if there are curves. The first two
    networks are joined by a dashed line, unless ``chord`` is false.
    """
    x, y = landscape["point_x"].values, landscape["point_y"].values
    if chord:
        axis.plot(x[:2], y[:2], color="white", linestyle=(0, (3, 2)), linewidth=1.1, zorder=3)
    for number in range(landscape.sizes.get("curve", 0)) if "curve_x" in landscape else ():
        curve = landscape.isel(curve=number)
        axis.plot(
            curve["curve_x"],
            curve["curve_y"],
            color=style.ERROR,
            linewidth=1.6,
            path_effects=_OUTLINE,
            zorder=4,
        )
    axis.plot(x, y, "o", color=style.ERROR, markersize=5.5, markeredgecolor="white", zorder=5, clip_on=False)
    for number, name in (names or {}).items():
        beside(axis, name, x[number], y[number])
