"""Panels over planes: their frame, the ground where a value is missing, words and marks, maps of colours."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import style

LEVEL = "level"  # gid of a contour's number
_ASIDE = (0.3, 0.5)  # of a panel, between a place and what is said of it
_LABEL = (0.24, 0.14)  # half of a label's width and height, of a panel
_NUMBER = (0.07, 0.05)  # half of a contour's number
_RATIO_MAX = 0.5  # end of the colours of a convexity map (Li et al. 2018, figure 7)


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
    axis.pcolormesh(x, y, np.ma.masked_where(~missing, missing), cmap=style.gaps(), vmin=0, vmax=1)
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


def _ground() -> dict[str, Any]:
    """What small text stands on, over lines."""
    return {"boxstyle": "round,pad=0.15", "facecolor": style.ink(0.0), "alpha": 0.75, "linewidth": 0}


def say(axis: Axes, text: str) -> None:
    """A small line at the foot of a panel, such as how much of its data could not be drawn."""
    axis.text(
        *(0.5, 0.02, text),
        transform=axis.transAxes,
        ha="center",
        va="bottom",
        fontsize=style.points(6),
        color=style.ink(0.75),
        bbox=_ground(),
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
        fontsize=style.points(6.5),
        bbox=_ground(),
        zorder=4,
    )


def hide_levels_under(axis: Axes, places: np.ndarray, *, within: tuple[float, float] = _NUMBER) -> None:
    """Hide the numbers of contours that would stand under what is drawn at ``places`` (..., 2), in the panel's units.

    ``within``: half of the width and height that it takes with a number, as shares of the panel.
    """
    size = np.array([np.ptp(axis.get_xlim()), np.ptp(axis.get_ylim())])
    for number in axis.texts:
        if number.get_gid() == LEVEL:
            away = abs(np.asarray(number.get_position()) - places) / size
            number.set_visible(number.get_visible() and not (away <= within).all(axis=-1).any())


def aside(axis: Axes, text: str, place: tuple[float, float], others: np.ndarray) -> np.ndarray:
    """Put ``text`` at a distance from a place, where the panel has room beside ``others`` (n, 2), with a line to it.

    Returns places that it takes, (3, 2), in the panel's coordinates.
    """
    ends = np.array([axis.get_xlim(), axis.get_ylim()])  # (2, 2)
    shares = (others - ends[:, 0]) / np.ptp(ends, axis=1)
    start = (np.asarray(place) - ends[:, 0]) / np.ptp(ends, axis=1)
    turns = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    around = np.column_stack([np.cos(turns), np.sin(turns)])
    spots = np.vstack([start + distance * around for distance in _ASIDE])
    spots = np.clip(spots, (0.22, 0.08), (0.78, 0.92))  # half a label from the frame
    apart = np.linalg.norm((spots[:, None] - np.vstack([shares, start])) * (0.5, 1.0), axis=-1).min(axis=1)
    spot = spots[apart.argmax()]
    hide_levels_under(axis, ends[:, 0] + spot * np.ptp(ends, axis=1), within=_LABEL)
    axis.annotate(
        text,
        place,
        tuple(spot),
        textcoords="axes fraction",
        ha="center",
        va="center",
        fontsize=style.points(6.5),
        bbox=_ground(),
        arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": style.ink(0.6), "shrinkB": 4},
        zorder=4,
    )
    taken = spot + np.array([[-0.12, 0.0], [0.0, 0.0], [0.12, 0.0]])
    return np.asarray(ends[:, 0] + taken * np.ptp(ends, axis=1))


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
