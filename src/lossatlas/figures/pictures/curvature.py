"""Pictures of single eigenvalues and of their sum."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import style
from lossatlas.figures.pictures.distributions import title
from lossatlas.figures.pictures.registry import draws


@draws("trace")
def trace(landscape: xr.Dataset) -> Figure:
    """Estimate of the trace as probes come in, with a band of two standard errors, and where it ends."""
    figure = Figure(figsize=(3.9, 2.8), layout="constrained")
    axis = figure.subplots()
    samples = landscape["sample"].values
    samples = samples[np.isfinite(samples)]
    count = np.arange(1, len(samples) + 1)
    mean = np.cumsum(samples) / count
    spread = np.array([samples[:k].std(ddof=1) if k > 1 else np.nan for k in count])
    running, band = landscape["caught"].item() + mean, 2 * spread / np.sqrt(count)
    axis.fill_between(
        count,
        running - band,
        running + band,
        color=style.LOSS,
        alpha=style.BAND,
        linewidth=0,
        label="± 2 standard errors",
    )
    axis.plot(count, running, color=style.LOSS, label="estimate")
    value, error = landscape["trace"].item(), landscape["standard_error"].item()
    axis.set(
        xlabel="probes",
        ylabel="trace",
        title=title(landscape, f"trace of the {{}}: {value:.4g} ± {error:.1g}"),
    )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="best")
    return figure


@draws("eigenvalues")
def eigenvalues(landscape: xr.Dataset) -> Figure:
    """Outermost eigenvalues, a panel for each end, with the intervals in which an eigenvalue lies for certain."""
    pairs = landscape[["eigenvalue", "residual"]]
    finite = pairs.where(np.isfinite(pairs["eigenvalue"]) & np.isfinite(pairs["residual"]))
    ends = [end for end in finite["end"].values if bool(finite["eigenvalue"].sel(end=end).notnull().any())]
    figure = Figure(figsize=(1.2 + 1.5 * max(len(ends), 1), 2.8), layout="constrained")
    panels = figure.subplots(1, max(len(ends), 1), squeeze=False)[0]
    for axis, end in zip(panels, ends, strict=False):
        of_end = finite.sel(end=end).dropna("rank", subset=["eigenvalue"])
        rank, bound = of_end["rank"].values, of_end["residual"].values
        axis.errorbar(
            rank, of_end["eigenvalue"].values, yerr=bound, fmt="o", color=style.LOSS, markersize=4, capsize=3
        )
        axis.axhline(0, color="0.6", linewidth=0.7, linestyle="dotted", zorder=0)
        axis.set_xticks(rank)
        axis.set_xlim(0.4, rank.max() + 0.6)
        axis.set(title=f"{end}", xlabel="rank")
    panels[0].set_ylabel("eigenvalue")
    figure.suptitle(title(landscape, "eigenvalues of the {}"), fontsize=8.5)
    return figure
