"""Panels over planes: their frame, the ground where a value is missing, words and marks, maps of colours."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import style

_RATIO_MAX = 0.5  # end of the colours of a convexity map (Li et al. 2018, figure 7)
_GROUND = {"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.75, "linewidth": 0}


def plane_values(values: xr.DataArray) -> tuple[np.ndarray, np.ndarray, np.ma.MaskedArray]:
    """Coordinates x and y, and the values (y, x) with what is not finite masked.

    Rows and columns without a number anywhere are left out where others have some: sweeps whose planes have other
    points are gathered over the coordinates of all.

    >>> gathered = xr.DataArray([[1.0, np.nan, 2.0]], {"y": [0.0], "x": [-1.0, 0.3, 1.0]}, ("y", "x"))
    >>> x, y, z = plane_values(gathered)
    >>> x.tolist(), z.tolist()
    ([-1.0, 1.0], [[1.0, 2.0]])
    """
    values = values.transpose("y", "x").astype(float)
    if bool(values.notnull().any()):
        values = values.dropna("x", how="all").dropna("y", how="all")
    return values["x"].values, values["y"].values, np.ma.masked_invalid(values.values)


def frame(axis: Axes, x: np.ndarray, y: np.ndarray, *, aspect: str = "equal") -> None:
    """Limits and ticks of a panel over a plane, closed on all sides."""
    axis.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()), aspect=aspect)
    for direction in (axis.xaxis, axis.yaxis):
        direction.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    for side in ("top", "right"):
        axis.spines[side].set_visible(True)


def fill_plane(axis: Axes, x: np.ndarray, y: np.ndarray, values: np.ma.MaskedArray) -> None:
    """Grey ground where ``values`` (y, x) are masked, and a word on how many they are."""
    missing = np.ma.getmaskarray(values)
    if not missing.any():
        return
    axis.pcolormesh(x, y, np.ma.masked_where(~missing, missing), cmap=style.GAPS, vmin=0, vmax=1)
    say(axis, f"grey: beyond float range,\n{missing.sum()} of {missing.size} points")


def network_place(landscape: xr.Dataset) -> tuple[float, float] | None:
    """Where the network lies in a plane around it: at the origin, unless the plane has one of its own.

    None where that is not known, as of several networks.

    >>> network_place(xr.Dataset()), network_place(xr.Dataset(attrs={"origin": "0 0"}))
    ((0.0, 0.0), None)
    >>> network_place(xr.Dataset(attrs={"origin": "0 0", "network_0": 3.0, "network_1": 2.0}))
    (3.0, 2.0)
    """
    if not has_own_origin(landscape):
        return 0.0, 0.0
    x, y = (landscape.attrs.get(f"network_{k}") for k in (0, 1))
    return None if x is None or y is None else (float(x), float(y))


def has_own_origin(landscape: xr.Dataset) -> bool:
    """Whether x and y are weights, from an origin that is the same for all networks, not distances from a network."""
    return "origin" in landscape.attrs


def direction_labels(landscape: xr.Dataset) -> dict[str, str]:
    """Labels of a panel over two directions, or over two weights."""
    what = "coordinate" if has_own_origin(landscape) else "direction"
    return {"xlabel": f"first {what}", "ylabel": f"second {what}"}


def say(axis: Axes, text: str) -> None:
    """A small line at the foot of a panel, such as how much of its data could not be drawn."""
    axis.text(
        *(0.5, 0.02, text),
        transform=axis.transAxes,
        ha="center",
        va="bottom",
        fontsize=6,
        color="0.25",
        bbox=_GROUND,
        zorder=5,
    )


def beside(axis: Axes, text: str, x: float, y: float) -> None:
    """Put ``text`` beside a point, on the side where the axes are wider."""
    low, high = axis.get_xlim()
    offset, anchor = (-5, "right") if x > (low + high) / 2 else (5, "left")
    axis.annotate(
        text,
        (x, y),
        (offset, 4),
        textcoords="offset points",
        ha=anchor,
        fontsize=6.5,
        bbox=_GROUND,
        zorder=4,
    )


def ratio_map(
    axis: Axes, ratio: xr.DataArray, *, centre: tuple[float, float] | None = (0.0, 0.0)
) -> QuadMesh:
    """Map of |lambda_min / lambda_max| on the colours 0 to 0.5 (Li et al. 2018, figure 7).

    ``ratio``: (y, x). ``centre``: where the network is marked; None: nowhere.
    """
    x, y, values = plane_values(ratio)
    mesh = axis.pcolormesh(x, y, values, cmap="viridis", vmin=0, vmax=_RATIO_MAX, rasterized=True)
    frame(axis, x, y)
    _to_the_edges(axis, mesh)
    fill_plane(axis, x, y, values)
    if centre is not None:
        axis.plot(*centre, "+", color="white", markersize=5, markeredgewidth=0.8)
    return mesh


def ratio_bar(figure: FigureBase, mesh: QuadMesh, axes: Sequence[Axes] | np.ndarray, highest: float) -> None:
    """The colour bar of ratio maps that share their colours, open upwards if the ``highest`` lies beyond them."""
    label = r"$|\lambda_{\min} / \lambda_{\max}|$"
    figure.colorbar(mesh, ax=axes, label=label, extend="max" if highest > _RATIO_MAX else "neither")


def _to_the_edges(axis: Axes, mesh: QuadMesh) -> None:
    """Limits that show the whole cells around the outermost points."""
    corners = np.asarray(mesh.get_coordinates())
    axis.set(xlim=(corners[..., 0].min(), corners[..., 0].max()))
    axis.set(ylim=(corners[..., 1].min(), corners[..., 1].max()))
