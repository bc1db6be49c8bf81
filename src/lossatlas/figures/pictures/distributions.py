"""Pictures of how values are distributed: weights, eigenvalues, singular values."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import panels, style
from lossatlas.figures.pictures.registry import draws
from lossatlas.figures.style import SMALL

DECADES_OF_DENSITY = 7  # below its maximum, that are drawn
MATRICES = {"hessian": "Hessian", "gauss_newton": "Gauss-Newton matrix"}


@draws("weights")
def weights(landscape: xr.Dataset) -> Figure:
    """Histogram of all weights."""
    figure = Figure(figsize=(3.6, 2.6), layout="constrained")
    axis = figure.subplots()
    panels.histogram(axis, landscape["density"], color=SMALL)
    bins = landscape["bin"].values
    axis.set(xlabel="weight", ylabel="density", xlim=(bins.min(), bins.max()))
    axis.set_ylim(bottom=0)
    return figure


@draws("spectrum")
def spectrum(landscape: xr.Dataset) -> Figure:
    """Density of the eigenvalues on a log scale, with a band of two standard errors over the probes."""
    figure = Figure(figsize=(4.2, 2.8), layout="constrained")
    axis = figure.subplots()
    gapless = landscape[["density", "standard_error"]]
    gapless = gapless.where(np.isfinite(gapless["density"]) & np.isfinite(gapless["standard_error"]))
    eigenvalue, density, band = (landscape["eigenvalue"], gapless["density"], 2 * gapless["standard_error"])
    top = float(density.max().fillna(1.0))
    floor = top * 10.0**-DECADES_OF_DENSITY
    low, middle, high = (part.clip(min=floor / 10) for part in (density - band, density, density + band))
    axis.fill_between(
        eigenvalue, low, high, color=style.LOSS, alpha=style.BAND, linewidth=0, label="± 2 standard errors"
    )
    axis.plot(eigenvalue, middle, color=style.LOSS)
    axis.set_yscale("log")
    axis.set_ylim(floor, 4 * top)
    axis.set(xlabel="eigenvalue", ylabel="density", title=title(landscape, "spectrum of the {}"))
    axis.legend(loc="upper right")
    return figure


@draws("jacobian")
def jacobian(landscape: xr.Dataset) -> Figure:
    """Singular values by their rank, on a log scale: median and range over the examples."""
    figure = Figure(figsize=(3.9, 2.8), layout="constrained")
    axis = figure.subplots()
    values = landscape["singular_value"]
    values = values.where(values > 0).assign_coords(rank=np.arange(1, values.sizes["rank"] + 1))
    for split in landscape["split"].values:
        dashes = style.STYLES.get(str(split), "dotted")
        panels.spread(
            axis, values.sel(split=split), "rank", color=style.LOSS, linestyle=dashes, label=str(split)
        )
    axis.axhline(1, color="0.6", linewidth=0.7, linestyle="dotted", zorder=0)  # an isometry
    axis.set_yscale("log")
    axis.set(xlabel="rank", ylabel="singular value", title="derivative of the outputs by the inputs")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="best")
    return figure


def title(landscape: xr.Dataset, text: str) -> str:
    """``text`` with the name of the landscape's matrix in it."""
    matrix = str(landscape.attrs.get("matrix", "hessian"))
    return text.format(MATRICES.get(matrix, matrix))
