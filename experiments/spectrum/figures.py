"""What `spectrum` draws: distributions of eigenvalues by epoch, the largest by rank and by number of classes."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lossatlas import measures
from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.figures.layout.arrangement import Datasets, Names, called, first_surveyed, needed
from lossatlas.figures.layout.page import (
    captioned,
    color_key,
    colored,
    entitle,
    grid_over,
    legend_over,
    shades_of,
)
from lossatlas.figures.style import style
from lossatlas.measures import at
from lossatlas.measures.selection import select

NAMES: Names = {
    "batch_norm": {False: "without batch norm", True: "with batch norm"},
    "snapshot": {0: "at the start"},
}

_PANEL = (3.3, 2.3)  # inches
_LEAST = 1e-3  # eigenvalue that is drawn
_RAREST = 1e-4  # share that is drawn: half of an eigenvalue of the network at scale digits


def figures(v: Values) -> Figures:
    most = {"classes": max(v.classes)}

    def eigenvalues(largest: xr.Dataset) -> xr.DataArray:
        return at(largest["eigenvalue"], end="largest").transpose(..., "snapshot", "rank")

    def outliers(largest: xr.Dataset) -> xr.DataArray:
        return measures.outliers(largest["eigenvalue"])

    epochs = {epoch: f"after epoch {epoch}" for epoch in (v.during, v.end)}
    names: Names = {**NAMES, "snapshot": {**NAMES["snapshot"], **epochs}}
    return {
        "figure": partial(distributions, columns="batch_norm", at=most, names=names),
        "largest": partial(
            learning_curves,
            measures={"eigenvalue": eigenvalues},
            along="rank",
            by="snapshot",
            columns="batch_norm",
            at=most,
            names=names,
        ),
        "classes": partial(
            trends,
            measures={"eigenvalues above the widest gap": outliers},
            along="classes",
            by="snapshot",
            at={"batch_norm": False},
            names=names,
        ),
    }


def distributions(
    datasets: Datasets, *, columns: str, at: Mapping[str, Any], names: Names | None = None, caption: str = ""
) -> Figure:
    """For each value of the axis ``columns`` how many of the first seed's eigenvalues lie beyond a size, by epoch.

    ``datasets``: "density", a spectrum along training. ``at``: one value of each other axis. ``names``: axis -> value
    -> what to call it.
    """
    chosen = select(needed(datasets, "density"), at)
    shown = chosen[columns].values.tolist()
    shades = shades_of("snapshot", chosen, datasets, names)
    told = "Share of the first seed's eigenvalues above a value (solid), and below minus that value (dashed)."
    with style():
        page, _, ((*axes,),) = grid_over(
            (1, len(shown)), _PANEL, captioned(told, caption), margin=(0.4, 0.2), sharex=True, sharey=True
        )
        entitle(axes, (called(columns, value, names) for value in shown))
        for axis, value in zip(axes, shown, strict=True):
            network = first_surveyed(chosen.sel({columns: value}))
            for of_epoch, shade in colored(network, "snapshot", shades):
                for sign, dashes in ((1, "solid"), (-1, "dashed")):
                    sizes, shares = beyond(sign * of_epoch["node"], of_epoch["weight"])
                    axis.plot(sizes, shares, color=shade, linestyle=dashes)
            axis.set(
                xscale="log", yscale="log", xlim=(_LEAST, None), ylim=(_RAREST, 1.2), xlabel="eigenvalue"
            )
        axes[0].set_ylabel("share beyond")
        legend_over(page, color_key("snapshot", shades, names))
    return page


def beyond(node: xr.DataArray, weight: xr.DataArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The positive nodes of a spectrum, largest first, and the share of the eigenvalues that are as large.

    >>> nodes = xr.DataArray([[3.0, -1.0, 1.0]], dims=("probe", "step"))
    >>> beyond(nodes, xr.DataArray([[0.25, 0.5, 0.25]], dims=("probe", "step")))
    (array([3., 1.]), array([0.25, 0.5 ]))
    """
    values, shares = node.values.ravel(), weight.values.ravel() / node.sizes["probe"]
    positive = np.flatnonzero(values > 0)
    order = positive[np.argsort(-values[positive])]
    return values[order], shares[order].cumsum()
