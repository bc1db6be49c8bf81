"""Pictures of how far, and how fast, the loss rises around a network."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from lossatlas.figures import style
from lossatlas.figures.pictures.registry import draws

Color = tuple[float, ...]


@draws("sharpness")
def sharpness(landscape: xr.Dataset) -> Figure:
    """Keskar's sharpness against the half-width of the box."""
    figure = Figure(figsize=(3.6, 2.6), layout="constrained")
    axis = figure.subplots()
    axis.plot(landscape["epsilon"].values, landscape["sharpness"].values, "o", color=style.LOSS)
    epsilons = landscape["epsilon"].values
    axis.set_xticks(epsilons, [f"{epsilon:g}" for epsilon in epsilons])
    axis.margins(x=0.4)
    axis.set(xlabel="size ε of the box", ylabel="sharpness (%)")
    axis.set_ylim(bottom=0)
    return figure


@draws("sam_sharpness")
def sam_sharpness(landscape: xr.Dataset) -> Figure:
    """Rise of the loss along the gradient against the radius, and the line that its slope at zero gives."""
    figure = Figure(figsize=(3.6, 2.8), layout="constrained")
    axis = figure.subplots()
    rho, rise = landscape["rho"].values, landscape["rise"].values
    axis.plot(rho, rise, "o-", color=style.LOSS, markersize=4, label="rise")
    axis.plot(
        rho, rho * landscape["gradient_norm"].item(), color="0.6", linestyle="dotted", label="first order"
    )
    axis.set_xscale("log")
    if (rise[np.isfinite(rise)] > 0).all():
        axis.set_yscale("log")
    axis.set(xlabel="radius ρ", ylabel="rise of the loss", title="steepest rise within a ball")
    axis.legend(loc="best")
    return figure


@draws("level_sets")
def level_sets(landscape: xr.Dataset) -> Figure:
    """Where the loss reaches each level: in the plane of two directions, and the widths along all of them.

    What lies beyond the extent is drawn at its end: on the rim of the disc, and as triangles among the widths.
    """
    landscape = landscape.sortby("level")
    extent, count = float(landscape.attrs["extent"]), landscape.sizes["level"]
    colors = [tuple(color) for color in style.COLORMAP(np.linspace(0, 1, count))]
    has_rays = landscape.sizes.get("angle", 0) > 0
    figure = Figure(figsize=(6.4 if has_rays else 3.4, 3.0), layout="constrained")
    if has_rays:
        disc = figure.add_subplot(1, 2, 1, projection="polar")
        assert isinstance(disc, PolarAxes)
        _disc(disc, landscape["ray"], extent, colors)
        disc.legend(
            loc="upper left", bbox_to_anchor=(-0.32, 0.2), title=_meaning(landscape), title_fontsize=6.5
        )
    axis = figure.add_subplot(1, 2, 2) if has_rays else figure.add_subplot()
    _widths(axis, landscape["width"], 2 * extent, colors)
    axis.set(
        xlabel=_meaning(landscape), ylabel="width", title=f"along {landscape.sizes['direction']} directions"
    )
    return figure


def _meaning(landscape: xr.Dataset) -> str:
    return "loss" if landscape.attrs["levels"] == "loss" else "rise of the loss"


def _disc(disc: PolarAxes, ray: xr.DataArray, extent: float, colors: Sequence[Color]) -> None:
    """An outline a level. ``ray``: (angle, level)."""
    closed = np.append(np.arange(ray.sizes["angle"]), 0)
    angles = ray["angle"].values[closed]
    for place, color in enumerate(colors):
        of_level = ray.isel(level=place)
        radii = np.minimum(of_level.values, extent)[closed]
        disc.plot(angles, radii, color=color, label=f"{of_level['level'].item():g}")
    disc.set_rlim(0, 1.02 * extent)
    disc.set_rticks([extent / 2, extent])
    disc.set_xticks(np.arange(4) * np.pi / 2, ["first", "second", "", ""])
    disc.set_title("in the plane of two directions")


def _widths(axis: Axes, width: xr.DataArray, most: float, colors: Sequence[Color]) -> None:
    """One column of dots a level, a dot a direction, and a bar at their median. ``width``: (direction, level)."""
    for place, color in enumerate(colors):
        values = width.isel(level=place).values
        sideways = place + np.linspace(-0.12, 0.12, len(values))
        for beyond, marker in ((False, "o"), (True, "^")):
            chosen = np.isinf(values) == beyond
            drawn = np.minimum(values[chosen], most)
            axis.plot(sideways[chosen], drawn, marker, color=color, markersize=3.5, alpha=0.8, linewidth=0)
        axis.plot(
            [place - 0.25, place + 0.25],
            [min(float(np.median(values)), most)] * 2,
            color=color,
            linewidth=1.6,
        )
    axis.set_xticks(range(len(colors)), [f"{level:g}" for level in width["level"].values])
    axis.set_xlim(-0.5, len(colors) - 0.5)
    axis.set_ylim(0, 1.05 * most if np.isinf(width).any() else None)
