"""Pictures of surfaces over planes."""

from collections.abc import Callable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures import panels, style
from lossatlas.figures.pictures.registry import draws

FEW = 0.6  # share of the points up to which those measured are marked: more would hide the picture
RATIO_MAX = 0.5  # end of the colours of a convexity map (Li et al. 2018, figure 7)
MARKED_SNAPSHOTS = 5  # that carry their number


@draws("surface")
def surface(landscape: xr.Dataset) -> Figure:
    """Contours of the loss in two directions, one panel a split; dots where it was measured, if at few points."""

    def extras(axis: Axes, split: str) -> None:
        axis.set(xlabel="first direction", ylabel="second direction")
        if "measured" in landscape:
            _mark_measured(axis, landscape["measured"], split)

    return _contours(landscape, extras)


@draws("plane")
def plane(landscape: xr.Dataset) -> Figure:
    """Contours of the loss over the plane through three networks, which are marked."""
    x, y = landscape["point_x"].values, landscape["point_y"].values

    def extras(axis: Axes, split: str) -> None:
        axis.set(xlabel="distance", ylabel="distance")
        axis.plot(x, y, "o", color=style.ERROR, markersize=4, zorder=3)
        for number in range(len(x)):
            _label(axis, f"network {number}", x[number], y[number])

    return _contours(landscape, extras, centre=False)


@draws("trajectory")
def trajectory(landscape: xr.Dataset) -> Figure:
    """Contours of the loss over the principal plane of a trajectory, and its path (Li et al. 2018, figure 9).

    The axes have scales of their own: most of the variance is that of the first component.
    """
    x, y = landscape["path_x"].values, landscape["path_y"].values
    shares = 100 * landscape["explained_variance_ratio"].values
    numbers = landscape["snapshot"].values if "snapshot" in landscape.coords else np.arange(len(x))
    marked = np.unique(np.linspace(0, len(x) - 1, MARKED_SNAPSHOTS).round().astype(int))

    def extras(axis: Axes, split: str) -> None:
        axis.set_aspect("auto")
        axis.set(
            xlabel=f"1st component: {shares[0]:.1f} % of the variance",
            ylabel=f"2nd component: {shares[1]:.1f} %",
        )
        axis.plot(x, y, "o-", color=style.ERROR, markersize=2.5, linewidth=0.9, zorder=3)
        for index in marked:
            _label(axis, f"{numbers[index]}", x[index], y[index])

    return _contours(landscape, extras, centre=False)


@draws("convexity")
def convexity(landscape: xr.Dataset) -> Figure:
    """Map of |lambda_min / lambda_max| of the Hessian, colours from 0 to 0.5 (Li et al. 2018, figure 7)."""
    figure = Figure(figsize=(3.9, 3.2), layout="constrained")
    axis = figure.subplots()
    ratio = landscape["ratio"].transpose("y", "x")
    values = np.ma.masked_invalid(ratio.values)
    axis.set_facecolor(style.GAPS(0))
    mesh = axis.pcolormesh(
        ratio["x"].values, ratio["y"].values, values, cmap="viridis", vmin=0, vmax=RATIO_MAX, rasterized=True
    )
    axis.plot(0, 0, "+", color="white", markersize=5, markeredgewidth=0.8)
    axis.set(xlabel="first direction", ylabel="second direction", aspect="equal")
    axis.set_title("negative against positive curvature")
    beyond = "max" if values.count() and values.max() > RATIO_MAX else "neither"
    figure.colorbar(mesh, ax=axis, label=r"$|\lambda_{\min} / \lambda_{\max}|$", extend=beyond)
    return figure


def _contours(landscape: xr.Dataset, extras: Callable[[Axes, str], None], *, centre: bool = True) -> Figure:
    """A panel of contours for each split, with what ``extras`` adds to it."""
    splits = landscape["split"].values
    figure = Figure(figsize=(3.1 * len(splits), 3.2), layout="constrained")
    surfaces = [landscape["loss"].sel(split=split) for split in splits]
    levels = panels.fitting_levels(*surfaces)
    for axis, split, loss in zip(
        figure.subplots(1, len(splits), squeeze=False)[0], splits, surfaces, strict=True
    ):
        panels.contours(axis, loss, levels=levels, centre=centre)
        axis.set_title(f"{split} loss")
        extras(axis, str(split))
        axis.label_outer()
    return figure


def _mark_measured(axis: Axes, measured: xr.DataArray, split: str) -> None:
    if "split" in measured.dims:
        measured = measured.sel(split=split)
    there = measured.transpose("y", "x").values.astype(bool)
    if there.mean() >= FEW:
        return
    rows, columns = there.nonzero()
    x, y = measured["x"].values[columns], measured["y"].values[rows]
    axis.plot(x, y, ".", color="0.35", markersize=2.4, markeredgewidth=0)


def _label(axis: Axes, text: str, x: float, y: float) -> None:
    """Put ``text`` beside a point, on the side where the axes are wider."""
    low, high = axis.get_xlim()
    offset, anchor = (-5, "right") if x > (low + high) / 2 else (5, "left")
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.75, "linewidth": 0}
    axis.annotate(
        text, (x, y), (offset, 4), textcoords="offset points", ha=anchor, fontsize=6.5, bbox=box, zorder=4
    )
