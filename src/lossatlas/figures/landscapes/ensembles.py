"""Pictures of ensembles."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import panels, style
from lossatlas.figures.landscapes.drawing import draws
from lossatlas.figures.layout.fitting import FittingLayout

_ORDERS = {"first": "o-", "last": "s-", "best": "^-"}
_COLORS = {"first": style.LOSS, "last": style.ERROR, "best": style.SMALL}


@draws("ensemble")
def ensemble(landscape: xr.Dataset) -> Figure:
    """Error of the first, the last and the best m members, and the correlation of any two, on the last split."""
    of_split = landscape.isel(split=-1)
    several = landscape.sizes["member"] > 1
    figure = Figure(figsize=(6.4 if several else 3.4, 2.9), layout=FittingLayout())
    axes = figure.subplots(1, 2 if several else 1, squeeze=False)[0]
    _growth(axes[0], of_split)
    if several:
        values = of_split["correlation"]
        image = panels.matrix(axes[1], values, ends=panels.ends_of_pairs(values), first=1)
        axes[1].set(title="correlation of probabilities", xlabel="member")
        figure.colorbar(image, ax=axes[1], shrink=0.8)
    return figure


def _growth(axis: Axes, of_split: xr.Dataset) -> None:
    """Error in percent against the number of members; dots at the members alone."""
    members = 1 + of_split["member"].values
    alone = 100 * of_split["member_error"].values
    axis.plot(members, alone, ".", color=style.ink(0.4), markersize=4, label="each alone")
    for which, form in _ORDERS.items():
        if f"error_{which}" in of_split:
            error = 100 * of_split[f"error_{which}"].values
            axis.plot(
                of_split["size"].values, error, form, color=_COLORS[which], markersize=3.5, label=f"{which} m"
            )
    axis.set(
        xlabel="m members", ylabel="error (%)", title=f"{of_split['split'].item()} error of the ensemble"
    )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="best")


@draws("dropout_ensemble")
def dropout_ensemble(landscape: xr.Dataset) -> Figure:
    """Error of either mean against the number of drawn networks, beside that with all units; how far they diverge."""
    of_split = landscape.isel(split=-1)
    figure = Figure(figsize=(6.4, 2.9), layout=FittingLayout())
    left, right = figure.subplots(1, 2)
    for name, color in zip(of_split["mean"].values.tolist(), (style.LOSS, style.SMALL), strict=True):
        of_mean = of_split.sel(mean=name)
        left.plot(of_mean["size"], 100 * of_mean["error"], color=color, label=f"{name} mean")
        divergence = of_mean["divergence"]
        right.plot(of_mean["size"], divergence.where(np.isfinite(divergence) & (divergence > 0)), color=color)
    left.axhline(
        100 * of_split["scaled_error"].item(), color=style.ERROR, linestyle="dotted", label="all units"
    )
    left.set(ylabel="error (%)", title=f"{of_split['split'].item()} error")
    right.set(ylabel="divergence (nats)", title="from the network with all units", yscale="log")
    for axis in (left, right):
        axis.set(xlabel="networks", xscale="log")
    left.legend(loc="best")
    return figure
