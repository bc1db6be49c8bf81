"""What `spectrum` draws: densities of eigenvalues by epoch, and the largest of them by rank and number of classes."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lossatlas import measures
from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.figures.layout.arrangement import Datasets, Names, called, first_surveyed, needed
from lossatlas.figures.layout.page import captioned, color_key, colored, entitle, grid_over, legend_over
from lossatlas.figures.style import style
from lossatlas.measures import at
from lossatlas.measures.selection import select

NAMES = {
    "batch_norm": {False: "without batch norm", True: "with batch norm"},
    "snapshot": {0: "at the start"},
}

_PANEL = (3.3, 2.3)  # inches
_LINEAR = 0.1  # eigenvalues up to which the scale is linear
_DECADES = 5  # of the density below its maximum that are drawn


def figures(v: Values) -> Figures:
    most = {"classes": max(v.classes)}

    def eigenvalues(largest: xr.Dataset) -> xr.DataArray:
        return at(largest["eigenvalue"], end="largest").transpose(..., "snapshot", "rank")

    def outliers(largest: xr.Dataset) -> xr.DataArray:
        return measures.outliers(largest["eigenvalue"])

    names = NAMES | {
        "snapshot": NAMES["snapshot"] | {epoch: f"after epoch {epoch}" for epoch in (v.during, v.end)}
    }
    return {
        "figure": partial(densities, columns="batch_norm", at=most, names=names),
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


def densities(
    datasets: Datasets, *, columns: str, at: Mapping[str, Any], names: Names | None = None, caption: str = ""
) -> Figure:
    """For each value of the axis ``columns`` the density of the first seed's eigenvalues, a colour an epoch.

    ``datasets``: "density", a spectrum along training. ``at``: one value of each other axis. ``names``: axis -> value
    -> what to call it.
    """
    chosen = select(needed(datasets, "density"), at)
    shown = chosen[columns].values.tolist()
    told = f"Of the first seed, down to 1e-{_DECADES} of its maximum. Eigenvalues beyond ±{_LINEAR:g} on a log scale."
    with style():
        page, _, ((*axes,),) = grid_over(
            (1, len(shown)), _PANEL, captioned(told, caption), margin=(0.4, 0.2), sharex=True
        )
        entitle(axes, (called(columns, value, names) for value in shown))
        for axis, value in zip(axes, shown, strict=True):
            network = first_surveyed(chosen.sel({columns: value}))
            top = float(network["density"].max())
            for of_epoch, shade in colored(network, "snapshot"):
                density = of_epoch["density"].clip(min=top * 10.0**-_DECADES / 10)
                axis.plot(of_epoch["eigenvalue"], density, color=shade)
            if np.isfinite(top):
                axis.set(yscale="log", ylim=(top * 10.0**-_DECADES, 2 * top))
            axis.set_xscale("symlog", linthresh=_LINEAR)
            axis.set(xlabel="eigenvalue", ylabel="density" if axis is axes[0] else "")
        legend_over(page, color_key("snapshot", chosen["density"], names))
    return page
