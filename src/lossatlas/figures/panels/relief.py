"""Panels of surfaces in three dimensions on a log scale."""

import numpy as np
import xarray as xr
from matplotlib.ticker import LogLocator, MaxNLocator
from mpl_toolkits.mplot3d.axes3d import Axes3D

from lossatlas.figures import style
from lossatlas.figures.panels.planes import plane_values

_ELEVATION, _AZIMUTH = 32, -58  # degrees, of the eye


def relief(axis: Axes3D, loss: xr.DataArray, *, low: float, high: float) -> int:
    """A surface over its plane, its height and colour the loss on a log scale from ``low`` to ``high``.

    ``loss``: (y, x). What lies outside is cut off there; what is NaN or infinite stands at ``high``, in grey. Returns
    the number of such points.
    """
    x, y, values = plane_values(loss)
    missing = np.ma.getmaskarray(values)
    height = np.log10(np.clip(values.filled(high), low, high))  # (y, x)
    ends = np.log10([low, high])
    colors = style.colormap()((height - ends[0]) / (ends[1] - ends[0]))
    colors[missing] = (0.8, 0.8, 0.8, 1.0)
    across, up = np.meshgrid(x, y)
    axis.plot_surface(
        *(across, up, height),
        facecolors=colors,
        rcount=len(y),
        ccount=len(x),
        linewidth=0.25,
        edgecolor=(0, 0, 0, 0.35),
        shade=False,  # the colours are to be read
    )
    axis.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()), zlim=ends)
    axis.set_box_aspect((1, 1, 0.8), zoom=1.0)
    axis.view_init(elev=_ELEVATION, azim=_AZIMUTH)
    _ticks(axis, _log_ticks(low, high))
    small = {"fontsize": style.points(6.5), "labelpad": -8}
    axis.set_xlabel("first direction", **small)
    axis.set_ylabel("second direction", **small)
    axis.text2D(0.99, 0.9, "loss", transform=axis.transAxes, ha="right", fontsize=style.points(6.5))
    return int(missing.sum())


def _ticks(axis: Axes3D, heights: np.ndarray) -> None:
    """Few and close to the box, so that panels can stand close to each other."""
    for direction in (axis.xaxis, axis.yaxis):
        direction.set_major_locator(MaxNLocator(2))
    words = [f"{height:g}" if 1e-3 <= height < 1e4 else f"{height:.0e}" for height in heights]
    axis.set_zticks(np.log10(heights), words)
    axis.tick_params(labelsize=style.points(6.5), pad=-2.5)
    axis.tick_params(axis="z", pad=-1)


def _log_ticks(low: float, high: float, most: int = 7) -> np.ndarray:
    """Round numbers from ``low`` to ``high``: 1, 2, 5, 10, ... or decades, or every second, third, ... of these.

    >>> _log_ticks(0.4, 30).tolist(), _log_ticks(0.004, 3000).tolist()
    ([0.5, 1.0, 2.0, 5.0, 10.0, 20.0], [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0])
    """
    for locator in (LogLocator(subs=(1.0, 2.0, 5.0), numticks=50), LogLocator(numticks=50)):
        ticks = np.asarray(locator.tick_values(low, high))
        ticks = ticks[(ticks >= low * (1 - 1e-9)) & (ticks <= high * (1 + 1e-9))]
        if len(ticks) <= most:
            return ticks
    return ticks[:: -(-len(ticks) // most)]
