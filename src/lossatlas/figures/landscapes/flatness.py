"""Pictures of one network's flatness: how far and how fast the loss rises, its rescaled twins, its weights."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from lossatlas.figures import panels, style
from lossatlas.figures.landscapes.drawing import draws, level_meaning, panel
from lossatlas.figures.layout.fitting import FittingLayout
from lossatlas.figures.layout.page import colored

_Color = tuple[float, ...]
_KILO = 1000  # bytes


@draws("sharpness")
def sharpness(landscape: xr.Dataset) -> Figure:
    """Keskar's sharpness against the half-width of the box."""
    figure, axis = panel(3.6, 2.6)
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
    figure, axis = panel(3.6, 2.8)
    rho, rise = landscape["rho"].values, landscape["rise"].values
    axis.plot(rho, rise, "o-", color=style.LOSS, markersize=4, label="rise")
    axis.plot(
        rho,
        rho * landscape["gradient_norm"].item(),
        color=style.ink(0.4),
        linestyle="dotted",
        label="first order",
    )
    axis.set_xscale("log")
    if (rise[np.isfinite(rise)] > 0).all():
        axis.set_yscale("log")
    axis.set(xlabel="radius ρ", ylabel="rise of the loss", title="steepest rise within a ball")
    axis.legend(loc="best")
    return figure


@draws("lipschitz")
def lipschitz(landscape: xr.Dataset) -> Figure:
    """How much loss and gradient change over steps along the gradient, each over the change of the weights."""
    figure, axis = panel(3.6, 2.8)
    rate = landscape["rate"].values
    for name, color, label in (("loss", style.LOSS, "loss"), ("gradient", style.ERROR, "gradient")):
        quotient = landscape[f"{name}_quotient"].values
        axis.plot(
            rate, np.where(quotient > 0, quotient, np.nan), "o-", color=color, markersize=4, label=label
        )
    axis.set(xscale="log", yscale="log", xlabel="rate of the step", ylabel="change over that of the weights")
    axis.set_title("Lipschitz quotients along the gradient")
    axis.legend(loc="best")
    return figure


@draws("compression")
def compression(landscape: xr.Dataset) -> Figure:
    """Loss, and error where there is one, against the size, a line for each number of bits."""
    names = [name for name in ("loss", "error") if name in landscape]
    figure = Figure(figsize=(3.2 * len(names) + 0.4, 2.8), layout=FittingLayout())
    split = landscape.sizes["split"] - 1  # the test set, where it was measured
    whole = float(landscape["whole"]) / _KILO
    for number, name in enumerate(names, start=1):
        axis = figure.add_subplot(1, len(names), number)
        scale = 100 if name == "error" else 1
        shown = scale * landscape[name].isel(split=split)
        for bits, color in zip(
            landscape["bits"].values.tolist(),
            style.colormap()(np.linspace(0, 1, landscape.sizes["bits"])),
            strict=True,
        ):
            size = landscape["size"].sel(bits=bits) / _KILO
            axis.plot(size, shown.sel(bits=bits), "o-", color=color, markersize=3, label=f"{bits} bits")
        axis.axvline(whole, color=style.ink(0.4), linestyle="dotted")
        axis.set(
            xlabel="size (kB)",
            ylabel="error (%)" if name == "error" else name,
            xscale="log",
            title=f"{landscape['split'].values[split]}, dotted: as it is",
        )
    figure.axes[0].legend(loc="best")
    return figure


@draws("level_sets")
def level_sets(landscape: xr.Dataset) -> Figure:
    """Where the loss reaches each level: in the plane of two directions, and the widths along all of them.

    What lies beyond the extent is drawn at its end: on the rim of the disc, and as triangles among the widths.
    """
    landscape = landscape.sortby("level")
    extent, count = float(landscape.attrs["extent"]), landscape.sizes["level"]
    colors = [tuple(color) for color in style.colormap()(np.linspace(0, 1, count))]
    has_rays = landscape.sizes.get("angle", 0) > 0
    figure = Figure(figsize=(6.4 if has_rays else 3.4, 3.0), layout=FittingLayout())
    if has_rays:
        disc = figure.add_subplot(1, 2, 1, projection="polar")
        assert isinstance(disc, PolarAxes)
        _disc(disc, landscape["ray"], extent, colors)
        disc.legend(
            loc="upper left",
            bbox_to_anchor=(-0.32, 0.2),
            title=level_meaning(landscape),
            title_fontsize=style.points(6.5),
        )
    axis = figure.add_subplot(1, 2, 2) if has_rays else figure.add_subplot()
    _widths(axis, landscape["width"], 2 * extent, colors)
    axis.set(
        xlabel=level_meaning(landscape),
        ylabel="width",
        title=f"along {landscape.sizes['direction']} directions",
    )
    return figure


def _disc(disc: PolarAxes, ray: xr.DataArray, extent: float, colors: Sequence[_Color]) -> None:
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


def _widths(axis: Axes, width: xr.DataArray, most: float, colors: Sequence[_Color]) -> None:
    """One column of dots a level, a dot a direction, and a bar at their median. ``width``: (direction, level)."""
    for place, color in enumerate(colors):
        values = width.isel(level=place).values
        sideways = place + np.linspace(-0.12, 0.12, len(values))
        for beyond, marker in ((False, "o"), (True, "^")):
            chosen = np.isinf(values) == beyond
            drawn = np.minimum(values[chosen], most)
            axis.plot(sideways[chosen], drawn, marker, color=color, markersize=3.5, alpha=0.8, linewidth=0)
        middle = min(float(np.median(values)), most)
        axis.plot([place - 0.25, place + 0.25], [middle] * 2, color=color, linewidth=1.6)
    axis.set_xticks(range(len(colors)), [f"{level:g}" for level in width["level"].values])
    axis.set_xlim(-0.5, len(colors) - 0.5)
    axis.set_ylim(0, 1.05 * most if np.isinf(width).any() else None)


@draws("twins")
def twins(landscape: xr.Dataset) -> Figure:
    """Lines of all twins, each in its colour; of any other survey its first variable against the factor."""
    figure, axis = panel(4.2, 2.8)
    name, *_ = (name for name, variable in landscape.data_vars.items() if "factor" in variable.dims)
    values = landscape[name]
    if "split" in values.dims:
        values = values.isel(split=0, drop=True)
    draw = _lines if "alpha" in values.dims else _against_factor
    draw(axis, values)
    differs = float(landscape["output_difference"].max())
    axis.set_title(
        f"{landscape.attrs['of']} of twins, whose outputs differ by {differs:.0e}".replace("_", " ")
    )
    return figure


def _lines(axis: Axes, values: xr.DataArray) -> None:
    """The median over directions of each twin."""
    middle = values.where(np.isfinite(values))
    middle = middle.median([dim for dim in middle.dims if dim not in ("factor", "alpha")])
    for of_factor, color in colored(middle, "factor"):
        axis.plot(middle["alpha"], of_factor, color=color, label=f"{of_factor['factor'].item():g}")
    axis.set(xlabel=style.SYMBOLS["alpha"], ylabel=str(values.name))
    panels.loss_scale(axis, log=False, ceiling=None)
    axis.legend(title="factor")


def _against_factor(axis: Axes, values: xr.DataArray) -> None:
    """The median of all that lies over the factor, and its range."""
    values = values.where(np.isfinite(values))
    over = [dim for dim in values.dims if dim != "factor"]
    flat = values.stack(entry=over) if over else values.expand_dims("entry", 1)
    low, middle, high = (flat.quantile(q, "entry") for q in (0, 0.5, 1))
    factors = values["factor"].values
    axis.plot(factors, middle, "o-", color=style.LOSS)
    axis.fill_between(factors, low, high, color=style.LOSS, alpha=style.BAND, linewidth=0)
    axis.set(xlabel="factor", ylabel=str(values.name).replace("_", " "), xscale="log")
    if bool((middle > 0).all()):
        axis.set_yscale("log")


@draws("weight_spectrum")
def weight_spectrum(landscape: xr.Dataset) -> Figure:
    """Singular values of each weight by rank, in multiples of the edge of a random matrix's bulk."""
    figure, axis = panel(3.8, 2.8)
    ranks = landscape["rank"].values
    shades = style.colormap()(np.linspace(0, 1, landscape.sizes["weight"]))
    for place, color in enumerate(shades):
        of_weight = landscape.isel(weight=place)
        finite = of_weight[["singular_value", "edge"]].where(np.isfinite)
        values = finite["singular_value"] / finite["edge"].where(finite["edge"] > 0)
        axis.plot(ranks, values, "o-", color=color, markersize=2, label=str(of_weight["weight"].item()))
    axis.axhline(1, color=style.ink(0.4), linestyle="dotted")
    axis.set(xscale="log", xlabel="rank", ylabel="singular value / edge of the bulk")
    axis.set_ylim(bottom=0)
    axis.legend(loc="best")
    return figure


@draws("weights")
def weights(landscape: xr.Dataset) -> Figure:
    """Histogram of all weights."""
    figure, axis = panel(3.6, 2.6)
    panels.histogram(axis, landscape["density"], color=style.SMALL)
    bins = landscape["bin"].values
    axis.set(xlabel="weight", ylabel="density", xlim=(bins.min(), bins.max()))
    axis.set_ylim(bottom=0)
    return figure


@draws("adversarial")
def adversarial(landscape: xr.Dataset) -> Figure:
    """Error, or loss where there is none, against the size of the box, in a colour for each attack; test dashed."""
    figure, axis = panel(3.6, 2.8)
    has_error = "error" in landscape
    values = 100 * landscape["error"] if has_error else landscape["loss"]
    shades = (style.LOSS, style.ERROR)
    for name, color in zip(landscape["attack"].values.tolist(), shades, strict=False):
        panels.by_split(axis, values.sel(attack=name).where(np.isfinite), "epsilon", color=color)
        axis.plot([], [], color=color, label=name)
    axis.set(xlabel="size ε of the box", ylabel="error (%)" if has_error else "loss")
    axis.set_ylim(bottom=0)
    axis.legend(loc="best")
    return figure
