"""Panels of curves: losses along lines, histograms."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import style
from lossatlas.figures.panels.spreads import has_two_outcomes
from lossatlas.measures.ceiling import fitting_ceiling


def shaded_band(
    axis: Axes,
    values: xr.DataArray,
    along: str,
    *,
    color: str,
    linestyle: Any = "solid",
    label: str = "",
    band: bool = True,
) -> None:
    """Median of all replicates as a line along ``along``, their whole range as a band; a line each of two outcomes.

    A replicate that is NaN all along was not surveyed and does not count; elsewhere a NaN or an
    infinite value leaves a gap in what it would have taken part in.
    """
    x = values[along].values.astype(float)
    y = values.transpose(..., along).values.reshape(-1, len(x)).astype(float)
    y = y[~np.isnan(y).all(axis=1)]
    if not len(y):
        return
    low, middle, high = (_finite(part) for part in (y.min(axis=0), _median(y), y.max(axis=0)))
    if band and has_two_outcomes(y):
        axis.plot(x, _finite(y).T, color=color, linestyle=linestyle, linewidth=0.5, alpha=0.6)
    elif band and len(y) > 1:
        axis.fill_between(x, low, high, color=color, alpha=style.BAND, linewidth=0)
    axis.plot(x, middle, color=color, linestyle=linestyle, label=label)


def _median(y: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # the mean of inf and -inf
        return np.median(y, axis=0)


def _finite(y: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(y), y, np.nan)


def by_split(axis: Axes, values: xr.DataArray, along: str, *, color: str) -> None:
    """A `shaded_band` of each split: train solid, test dashed."""
    for split in values["split"].values:
        dashes = style.STYLES.get(str(split), "dotted")
        shaded_band(axis, values.sel(split=split), along, color=color, linestyle=dashes, label=split)


def losses(
    axis: Axes,
    landscape: xr.Dataset,
    *,
    along: str = "alpha",
    log: bool = False,
    ceiling: float | None = None,
) -> None:
    """Loss along a line, cut at ``ceiling`` (see `loss_scale`); train solid, test dashed.

    ``landscape``: loss (..., split, ``along``).
    """
    by_split(axis, landscape["loss"], along, color=style.LOSS)
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
    by_split(right, 100 * landscape["error"], along, color=style.ERROR)
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
    """Loss on the vertical axis: from 0, or on a log scale, up to ``ceiling`` where the data go beyond it.

    None: a ceiling of 10, or above the lowest loss that is drawn (`fitting_ceiling`); inf: none. Losses below 0, as
    negative log-likelihoods of densities may be, have a linear axis that begins below them, and no log scale where all
    are.
    """
    low, high = axis.dataLim.intervaly
    if log and (high > 0 or low > high):  # the latter where nothing is drawn
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=None if low < 0 else 0)
        axis.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ceiling = fitting_ceiling([low]) if ceiling is None else ceiling
    if axis.get_ylim()[1] > ceiling:
        axis.set_ylim(top=ceiling)


def histogram(axis: Axes, density: xr.DataArray, *, color: str) -> None:
    """Density of the weights over their value. ``density``: (..., bin)."""
    shaded_band(axis, density, "bin", color=color)
    middle = density.median([dim for dim in density.dims if dim != "bin"])
    axis.fill_between(density["bin"].values, _finite(middle.values), color=color, alpha=0.12, linewidth=0)
