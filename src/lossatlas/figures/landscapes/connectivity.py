"""Pictures of what lies between networks: on straight lines, on paths and curves, and on planes through them."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures import panels, style
from lossatlas.figures.landscapes.drawing import (
    draws,
    largest_drawn,
    level_meaning,
    loss_contours,
    loss_profile,
    panel,
)
from lossatlas.figures.layout.fitting import FittingLayout
from lossatlas.figures.layout.page import share_scale

_ENDS = (0.0, 1.0)
_TITLES = {"before": "units as they are", "after": "units matched"}


@draws("interpolation")
def interpolation(landscape: xr.Dataset) -> Figure:
    """Loss and error on the straight line from one network (alpha 0) to another (alpha 1)."""
    return loss_profile(landscape, "from this network (α = 0) to the other (α = 1)", networks=_ENDS)


@draws("path")
def path(landscape: xr.Dataset) -> Figure:
    """Loss and error along a path; where it passes through networks, they are marked."""
    networks = landscape["network_t"].values.tolist() if "network_t" in landscape else _ENDS
    figure = loss_profile(landscape, "along the path", networks=networks, along="t")
    if "network_t" not in landscape:
        return figure
    axis = figure.axes[0]
    for t in networks:
        axis.axvline(t, color=style.ink(0.4), linewidth=0.7, linestyle="dotted", zorder=0)
    axis.set_xticks(networks, [f"{number}" for number in range(len(networks))])
    axis.set(xlabel="network", title="along straight lines from network to network")
    return figure


@draws("aligned")
def aligned(landscape: xr.Dataset) -> Figure:
    """Loss and error from one network (alpha 0) to another (alpha 1), before matching its units and after."""
    count = landscape.sizes["alignment"]
    figure = Figure(figsize=(0.6 + 2.6 * count, 2.7), layout=FittingLayout())
    axes = figure.subplots(1, count, squeeze=False)[0]
    draw = panels.loss_and_error if "error" in landscape else panels.losses
    ceiling = largest_drawn(landscape, _ENDS)
    for axis, which in zip(axes, landscape["alignment"].values.tolist(), strict=True):
        line = landscape.sel(alignment=which)
        draw(axis, line, ceiling=ceiling)
        axis.set_title(f"{_TITLES[which]}\ndistance {line['distance'].item():.3g}")
    share_scale(axes)
    axes[-1].legend(loc="best", labelcolor=style.LOSS)
    return figure


@draws("curve_distances")
def curve_distances(landscape: xr.Dataset) -> Figure:
    """Distance of each two curves along them, and the farthest of their bends, relative to the ends' distance."""
    figure, axis = panel(4.2, 2.8)
    pairs = [(i, k) for k in range(landscape.sizes["curve"]) for i in range(k)]
    for (i, k), shade in zip(pairs, style.colors_of([str(pair) for pair in pairs]), strict=True):
        pair = landscape.isel(curve=i, other=k)
        relative = f"{float(pair['relative_bend_distance']):.2g}"
        label = f"curves {i} and {k}, bends {relative} of the ends' distance apart"
        panels.shaded_band(axis, pair["distance"], "t", color=shade, label=label)
    axis.set(xlabel="position t on the curves", ylabel="distance", title="between curves", ylim=(0, None))
    axis.margins(x=0)
    axis.legend(loc="best")
    return figure


@draws("plane")
def plane(landscape: xr.Dataset) -> Figure:
    """Contours of the loss over the plane through three networks, which are marked, and curves that are seen in it."""
    names = {number: f"network {number}" for number in range(landscape.sizes["point"])}
    return loss_contours(landscape, _networks(landscape, names), centre=False)


@draws("curve_plane")
def curve_plane(landscape: xr.Dataset) -> Figure:
    """Contours of the loss over the plane through the ends of a curve and one of its bends, with the curve."""
    return loss_contours(landscape, _networks(landscape, {0: "end", 1: "end", 2: "bend"}), centre=False)


def _networks(landscape: xr.Dataset, names: Mapping[int, str]) -> Callable[[Axes, str], None]:
    def extras(axis: Axes, split: str) -> None:
        axis.set(xlabel="distance", ylabel="distance")
        panels.networks_and_curves(axis, landscape, names=names, chord=False)

    return extras


@draws("tunnel")
def tunnel(landscape: xr.Dataset) -> Figure:
    """Loss along the curve, and the distances from it to each level: median and range over the directions.

    What lies beyond the ends of the rays is drawn at the farthest of them, as triangles.
    """
    landscape = landscape.sortby("level")
    figure = Figure(figsize=(4.2, 4.0), layout=FittingLayout())
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 2])
    panels.shaded_band(above, landscape["loss"], "t", color=style.LOSS)
    panels.loss_scale(above, log=False, ceiling=np.inf)
    above.set(ylabel="loss", title=f"around the curve: {landscape.sizes['direction']} directions at each t")
    _radii(below, landscape)
    below.set(xlabel="position t on the curve", ylabel="distance to the level", xlim=(0, 1))
    below.set_ylim(bottom=0)
    below.legend(title=level_meaning(landscape), loc="best")
    return figure


def _radii(axis: Axes, landscape: xr.Dataset) -> None:
    levels = landscape["level"].values.tolist()
    farthest = float(landscape.attrs["extent"]) * landscape["norm"]
    for place, level in enumerate(levels):
        color = tuple(style.colormap()(place / max(len(levels) - 1, 1)))
        radius = landscape["radius"].isel(level=place)  # (t, direction)
        open_ = radius == np.inf
        drawn = radius.where(~open_, farthest)
        panels.shaded_band(axis, drawn, "t", color=color, label=f"{level:g}")  # type: ignore[arg-type]
        ends = farthest.where(open_.any("direction"))
        axis.plot(landscape["t"].values, ends.values, "^", color=color, markersize=4)


@draws("spanning_tree")
def spanning_tree(landscape: xr.Dataset) -> Figure:
    """Loss along each band, those of the tree in colour, and the loss to climb to between each two minima."""
    figure = Figure(figsize=(6.4, 2.9), layout=FittingLayout())
    left, right = figure.subplots(1, 2)
    _bands(left, landscape)
    values = landscape["highest_loss"].rename(minimum="member")
    image = panels.matrix(right, values, ends=panels.ends_of_pairs(values))
    right.set(title="loss to climb to between two minima", xlabel="minimum")
    figure.colorbar(image, ax=right, shrink=0.8)
    return figure


def _bands(axis: Axes, landscape: xr.Dataset) -> None:
    of_split = landscape.sel(split=landscape.attrs["saddles_of"])
    in_tree = landscape["in_tree"].values == 1
    colors = iter(style.colors_of([f"band {k}" for k in range(int(in_tree.sum()))]))
    for band, inside in enumerate(in_tree):
        one = of_split.isel(band=band)
        pair = f"{int(one['start'])} – {int(one['end'])}"
        drawn = (
            {"color": next(colors), "label": pair}
            if inside
            else {"color": style.ink(0.3), "linewidth": 0.8, "zorder": 1}
        )
        axis.plot(one["t"], one["loss"], **drawn)
    axis.set(xlabel="position along the band", ylabel=f"{landscape.attrs['saddles_of']} loss")
    axis.set_title("bands of the tree, and others in grey")
    axis.legend(loc="best", title="minima")


@draws("triangle")
def triangle(landscape: xr.Dataset) -> Figure:
    """Loss of each split over the triangle, laid out with equal sides whatever its own are."""
    splits = landscape["split"].values
    figure = Figure(figsize=(3.1 * len(splits), 2.7), layout=FittingLayout())
    axes = figure.subplots(1, len(splits), squeeze=False)[0]
    x = landscape["v"].values + landscape["w"].values / 2
    y = np.sqrt(3) / 2 * landscape["w"].values
    for axis, split in zip(axes, splits, strict=True):
        loss = landscape["loss"].sel(split=split).values
        shown = np.isfinite(loss)
        drawn = axis.scatter(x[shown], y[shown], c=loss[shown], s=36, cmap="viridis")
        figure.colorbar(drawn, ax=axis, label=f"{split} loss")
        axis.set(aspect="equal", title=f"rise {landscape['loss_rise'].sel(split=split).item():.3g}")
        axis.set_axis_off()
    return figure
