"""The picture of an ensemble."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import panels, style
from lossatlas.figures.landscapes.drawing import draws

_ORDERS = {"first": "o-", "last": "s-", "best": "^-"}
_COLORS = {"first": style.LOSS, "last": style.ERROR, "best": style.SMALL}


@draws("ensemble")
def ensemble(landscape: xr.Dataset) -> Figure:
    """Error of the first, the last and the best m members, and the correlation of any two, on the last split."""
    of_split = landscape.isel(split=-1)
    several = landscape.sizes["member"] > 1
    figure = Figure(figsize=(6.4 if several else 3.4, 2.9), layout="constrained")
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
    axis.plot(members, alone, ".", color="0.6", markersize=4, label="each alone")
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
