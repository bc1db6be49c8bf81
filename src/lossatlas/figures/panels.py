"""The panels that figures are made of: each draws one kind of landscape on given axes.

Arrays may have any further dimensions beside those that a panel names (seeds, directions); they are
replicates, drawn as a median line and the range around it. NaN and infinite values are gaps.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import style

FEWEST_LEVELS = 4  # lines without which contours show no shape


def spread(
    axis: Axes,
    values: xr.DataArray,
    along: str,
    *,
    color: str,
    linestyle: Any = "solid",
    label: str = "",
    band: bool = True,
) -> None:
    """Median of all replicates as a line along ``along``, their whole range as a band.

    A replicate that is NaN all along was not surveyed and does not count; elsewhere a NaN or an
    infinite value leaves a gap in what it would have taken part in.
    """
    x = values[along].values.astype(float)
    y = values.transpose(..., along).values.reshape(-1, len(x)).astype(float)
    y = y[~np.isnan(y).all(axis=1)]
    if not len(y):
        return
    low, middle, high = (_finite(part) for part in (y.min(axis=0), _median(y), y.max(axis=0)))
    if band and len(y) > 1:
        axis.fill_between(x, low, high, color=color, alpha=style.BAND, linewidth=0)
    axis.plot(x, middle, color=color, linestyle=linestyle, label=label)


def _median(y: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # the mean of inf and -inf
        return np.median(y, axis=0)


def _finite(y: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(y), y, np.nan)


def losses(
    axis: Axes,
    landscape: xr.Dataset,
    *,
    along: str = "alpha",
    log: bool = False,
    ceiling: float | None = None,
) -> None:
    """Loss along a line, cut at ``ceiling``; train solid, test dashed. ``landscape``: loss (..., split, ``along``)."""
    for split in landscape["split"].values:
        dashes = style.STYLES.get(str(split), "dotted")
        loss = landscape["loss"].sel(split=split)
        spread(axis, loss, along, color=style.LOSS, linestyle=dashes, label=split)
    loss_scale(axis, log=log, ceiling=ceiling)
    axis.set_xlim(landscape[along].min().item(), landscape[along].max().item())
    axis.set_xlabel(style.SYMBOLS.get(along, along))
    axis.set_ylabel("loss")


def loss_and_error(
    axis: Axes,
    landscape: xr.Dataset,
    *,
    along: str = "alpha",
    log: bool = False,
    ceiling: float | None = None,
) -> Axes:
    """Loss (left, cut at ``ceiling``) and error in percent (right) along a line; train solid, test dashed.

    ``landscape``: loss, error (..., split, ``along``). Returns the right axis.
    """
    losses(axis, landscape, along=along, log=log, ceiling=ceiling)
    right = axis.twinx()
    for split in landscape["split"].values:
        dashes = style.STYLES.get(str(split), "dotted")
        error = 100 * landscape["error"].sel(split=split)
        spread(right, error, along, color=style.ERROR, linestyle=dashes, label=split)
    right.spines["right"].set_visible(True)
    right.set_ylim(0, 100)
    for side, axes, color in (("left", axis, style.LOSS), ("right", right, style.ERROR)):
        axes.yaxis.label.set_color(color)
        axes.tick_params(axis="y", colors=color)
        axes.spines[side].set_color(color)
        axes.spines["left" if side == "right" else "right"].set_visible(False)
    right.set_ylabel("error (%)")
    return right


def loss_scale(axis: Axes, *, log: bool, ceiling: float | None) -> None:
    """Loss on the vertical axis: from 0, or on a log scale, up to ``ceiling`` where the data go beyond it."""
    if log:
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=0)
        axis.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    if ceiling is not None and axis.get_ylim()[1] > ceiling:
        axis.set_ylim(top=ceiling)


def histogram(axis: Axes, density: xr.DataArray, *, color: str, label: str = "") -> None:
    """Density of the weights over their value. ``density``: (..., bin)."""
    spread(axis, density, "bin", color=color, label=label)
    middle = density.median([dim for dim in density.dims if dim != "bin"])
    axis.fill_between(density["bin"].values, _finite(middle.values), color=color, alpha=0.12, linewidth=0)


def contours(
    axis: Axes,
    loss: xr.DataArray,
    *,
    levels: Sequence[float] | np.ndarray = style.LEVELS,
    centre: bool = True,
) -> None:
    """Contour lines of a surface, coloured by their level on a scale that all panels share.

    ``loss``: (y, x). Where it is NaN or infinite there are no lines, and the ground is grey. ``centre`` marks the
    origin.
    """
    values = np.ma.masked_invalid(loss.transpose("y", "x").values.astype(float))
    x, y = loss["x"].values, loss["y"].values
    axis.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()), aspect="equal")
    for direction in (axis.xaxis, axis.yaxis):
        direction.set_major_locator(MaxNLocator(4))
    for side in ("top", "right"):
        axis.spines[side].set_visible(True)
    if 0 < values.count() < values.size:
        axis.pcolormesh(x, y, np.ma.masked_where(~values.mask, values.mask), cmap=style.GAPS, vmin=0, vmax=1)
    if values.count() and centre:
        axis.plot(0, 0, "+", color="0.35", markersize=5, markeredgewidth=0.8)
    if not _crossed(values, levels):
        return  # no lines to draw, and contour() would warn
    low, high = _color_range(np.asarray(levels))
    lines = axis.contour(x, y, values, levels=levels, cmap=style.COLORMAP, vmin=low, vmax=high)
    axis.clabel(lines, _labeled(np.asarray(lines.levels)), fontsize=6, fmt=_number, inline_spacing=2)


def fitting_levels(*surfaces: xr.DataArray) -> np.ndarray:
    """Levels at which to draw surfaces: those of the papers, and 10, 100, ... above them, if enough are crossed.

    Where the losses lie between two or three of them, the levels are evenly spaced round numbers.

    >>> bowl = xr.DataArray([[0.0, 5.2], [5.2, 12.0]], dims=("y", "x"))
    >>> fitting_levels(bowl)[-3:].tolist(), fitting_levels(bowl / 1000)[:3].tolist()
    ([9.1, 9.6, 10.0], [0.0, 0.001, 0.002])
    """
    values = np.concatenate([surface.values.ravel() for surface in surfaces])
    values = values[np.isfinite(values)]
    if not len(values):
        return style.LEVELS
    low, high = values.min(), values.max()
    papers = np.array([*style.LEVELS, *style.DECADES[high > style.DECADES]])
    if ((low < papers) & (papers < high)).sum() >= FEWEST_LEVELS:
        return papers
    return np.asarray(MaxNLocator(12).tick_values(low, high))


def _crossed(values: np.ma.MaskedArray, levels: Sequence[float] | np.ndarray) -> bool:
    low, high = values.min(), values.max()
    return any(low < level < high for level in levels)


def _are_the_papers(levels: np.ndarray) -> bool:
    return bool(np.isclose(levels[0], style.LEVELS[0]))


def _color_range(levels: np.ndarray) -> tuple[float, float]:
    """Ends of the colours: of the papers' levels 0 and the last below the decades, of others their own."""
    if not _are_the_papers(levels):
        return float(levels[0]) if len(levels) > 1 else 0.0, float(levels[-1])
    return 0.0, float(levels[levels < style.DECADES[0]].max())


def _number(level: float) -> str:
    decade = np.isclose(level, style.DECADES[2:]).any()
    return f"$10^{{{np.log10(level):.0f}}}$" if decade else f"{level:.4g}"


def _labeled(levels: np.ndarray) -> list[float]:
    """Levels that carry their number: of the papers' a chosen few, of others every third."""
    usual = [level for level in levels if np.isclose(level, [*style.LABELED, *style.DECADES[1:]]).any()]
    return usual if _are_the_papers(levels) else list(levels[::3])


def first_surveyed(loss: xr.DataArray) -> xr.DataArray:
    """The surface of the first seed that has one, else of the first. ``loss``: (seed, y, x)."""
    surveyed = loss.notnull().any(["y", "x"]).values
    return loss.isel(seed=int(surveyed.argmax()))
