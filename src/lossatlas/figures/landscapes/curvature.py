"""Pictures of the Hessian and the Gauss-Newton matrix, their eigenvalues, and of the outputs' derivative."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import panels, style
from lossatlas.figures.landscapes.drawing import draws, panel
from lossatlas.figures.layout.fitting import FittingLayout

DECADES_OF_DENSITY = 7
"""Decades of a density of eigenvalues below its maximum that are drawn."""
_TWO_ERRORS: dict[str, Any] = {"color": style.LOSS, "alpha": style.BAND, "linewidth": 0}
_TWO_ERRORS["label"] = "± 2 standard errors"
_MATRICES = {"hessian": "Hessian", "gauss_newton": "Gauss-Newton matrix"}


@draws("trace")
def trace(landscape: xr.Dataset) -> Figure:
    """Estimate of the trace as probes come in, with a band of two standard errors, and where it ends."""
    figure, axis = panel(3.9, 2.8)
    samples = landscape["sample"].values
    samples = samples[np.isfinite(samples)]
    count = np.arange(1, len(samples) + 1)
    mean = np.cumsum(samples) / count
    spread = np.array([samples[:k].std(ddof=1) if k > 1 else np.nan for k in count])
    running, band = landscape["caught"].item() + mean, 2 * spread / np.sqrt(count)
    axis.fill_between(count, running - band, running + band, **_TWO_ERRORS)
    axis.plot(count, running, color=style.LOSS, label="estimate")
    value, error = landscape["trace"].item(), landscape["standard_error"].item()
    title = _title(landscape, f"trace of the {{}}: {value:.4g} ± {error:.1g}")
    axis.set(xlabel="probes", ylabel="trace", title=title)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="best")
    return figure


@draws("eigenvalues")
def eigenvalues(landscape: xr.Dataset) -> Figure:
    """Outermost eigenvalues, a panel for each end, with the intervals in which an eigenvalue lies for certain."""
    pairs = landscape[["eigenvalue", "residual"]]
    finite = pairs.where(np.isfinite(pairs["eigenvalue"]) & np.isfinite(pairs["residual"]))
    ends = [end for end in finite["end"].values if bool(finite["eigenvalue"].sel(end=end).notnull().any())]
    figure = Figure(figsize=(1.2 + 1.5 * max(len(ends), 1), 2.8), layout=FittingLayout())
    axes = figure.subplots(1, max(len(ends), 1), squeeze=False)[0]
    for axis, end in zip(axes, ends, strict=False):
        of_end = finite.sel(end=end).dropna("rank", subset=["eigenvalue"])
        rank, bound = of_end["rank"].values, of_end["residual"].values
        axis.errorbar(
            rank, of_end["eigenvalue"].values, yerr=bound, fmt="o", color=style.LOSS, markersize=4, capsize=3
        )
        axis.axhline(0, color=style.ink(0.4), linewidth=0.7, linestyle="dotted", zorder=0)
        axis.set_xticks(rank)
        axis.set_xlim(0.4, rank.max() + 0.6)
        axis.set(title=f"{end}", xlabel="rank")
    axes[0].set_ylabel("eigenvalue")
    figure.suptitle(_title(landscape, "eigenvalues of the {}"), fontsize=style.points(8.5))
    return figure


@draws("spectrum")
def spectrum(landscape: xr.Dataset) -> Figure:
    """Density of the eigenvalues on a log scale, with a band of two standard errors over the probes."""
    figure, axis = panel(4.2, 2.8)
    gapless = landscape[["density", "standard_error"]]
    gapless = gapless.where(np.isfinite(gapless["density"]) & np.isfinite(gapless["standard_error"]))
    eigenvalue, density, band = (landscape["eigenvalue"], gapless["density"], 2 * gapless["standard_error"])
    top = float(density.max().fillna(1.0))
    floor = top * 10.0**-DECADES_OF_DENSITY
    low, middle, high = (part.clip(min=floor / 10) for part in (density - band, density, density + band))
    axis.fill_between(eigenvalue, low, high, **_TWO_ERRORS)
    axis.plot(eigenvalue, middle, color=style.LOSS)
    axis.set_yscale("log")
    axis.set_ylim(floor, 4 * top)
    axis.set(xlabel="eigenvalue", ylabel="density", title=_title(landscape, "spectrum of the {}"))
    axis.legend(loc="upper right")
    return figure


@draws("jacobian")
def jacobian(landscape: xr.Dataset) -> Figure:
    """Singular values by their rank, on a log scale: median and range over the examples."""
    figure, axis = panel(3.9, 2.8)
    values = landscape["singular_value"]
    values = values.where(values > 0).assign_coords(rank=np.arange(1, values.sizes["rank"] + 1))
    panels.by_split(axis, values, "rank", color=style.LOSS)
    axis.axhline(1, color=style.ink(0.4), linewidth=0.7, linestyle="dotted", zorder=0)  # an isometry
    axis.set_yscale("log")
    axis.set(xlabel="rank", ylabel="singular value", title="derivative of the outputs by the inputs")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="best")
    return figure


@draws("convexity")
def convexity(landscape: xr.Dataset) -> Figure:
    """Map of |lambda_min / lambda_max| of the Hessian, colours from 0 to 0.5 (Li et al. 2018, figure 7)."""
    figure, axis = panel(3.9, 3.2)
    ratio = landscape["ratio"]
    mesh = panels.ratio_map(axis, ratio, centre=panels.network_place(landscape))
    axis.set(**panels.direction_labels(landscape), title="negative against positive curvature")
    panels.ratio_bar(figure, mesh, [axis], float(ratio.where(np.isfinite(ratio)).max()))
    return figure


def _title(landscape: xr.Dataset, text: str) -> str:
    """``text`` with the name of the landscape's matrix in it."""
    matrix = str(landscape.attrs.get("matrix", "hessian"))
    return text.format(_MATRICES.get(matrix, matrix))
