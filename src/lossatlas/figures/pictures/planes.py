"""Pictures of surfaces over planes."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.pictures.registry import draws

FEW = 0.6  # share of the points up to which those measured are marked: more would hide the picture


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
    """Contours of the loss over the plane through three networks, which are marked, and curves that are seen in it."""
    names = {number: f"network {number}" for number in range(landscape.sizes["point"])}
    return _contours(landscape, _networks(landscape, names), centre=False)


@draws("curve_plane")
def curve_plane(landscape: xr.Dataset) -> Figure:
    """Contours of the loss over the plane through the ends of a curve and one of its bends, with the curve."""
    return _contours(landscape, _networks(landscape, {0: "end", 1: "end", 2: "bend"}), centre=False)


def _networks(landscape: xr.Dataset, names: Mapping[int, str]) -> Callable[[Axes, str], None]:
    def extras(axis: Axes, split: str) -> None:
        axis.set(xlabel="distance", ylabel="distance")
        panels.networks_and_curves(axis, landscape, names=names, chord=False)

    return extras


@draws("trajectory")
def trajectory(landscape: xr.Dataset) -> Figure:
    """Contours of the loss over the principal plane of a trajectory, and its path (Li et al. 2018, figure 9).

    The axes have scales of their own: most of the variance is that of the first component.
    """

    def extras(axis: Axes, split: str) -> None:
        panels.path(axis, landscape)

    return _contours(landscape, extras, centre=False, aspect="auto")


@draws("convexity")
def convexity(landscape: xr.Dataset) -> Figure:
    """Map of |lambda_min / lambda_max| of the Hessian, colours from 0 to 0.5 (Li et al. 2018, figure 7)."""
    figure = Figure(figsize=(3.9, 3.2), layout="constrained")
    axis = figure.subplots()
    mesh = panels.ratio_map(axis, landscape["ratio"])
    axis.set(xlabel="first direction", ylabel="second direction")
    axis.set_title("negative against positive curvature")
    ratio = landscape["ratio"]
    panels.ratio_bar(figure, mesh, [axis], float(ratio.where(np.isfinite(ratio)).max()))
    return figure


def _contours(
    landscape: xr.Dataset, extras: Callable[[Axes, str], None], *, centre: bool = True, aspect: str = "equal"
) -> Figure:
    """A panel of contours for each split, with what ``extras`` adds to it."""
    splits = landscape["split"].values
    figure = Figure(figsize=(3.1 * len(splits), 3.2), layout="constrained")
    surfaces = [landscape["loss"].sel(split=split) for split in splits]
    levels = panels.fitting_levels(*surfaces)
    for axis, split, loss in zip(
        figure.subplots(1, len(splits), squeeze=False)[0], splits, surfaces, strict=True
    ):
        panels.contours(axis, loss, levels=levels, centre=centre, aspect=aspect)
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
