"""What `low_loss_surface` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import numpy as np
from matplotlib.figure import Figure

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import trends
from lossatlas.figures.layout.arrangement import Datasets, first_surveyed, needed
from lossatlas.figures.layout.page import captioned, entitle, grid_over, shown_network
from lossatlas.figures.style import points, style
from lossatlas.measures.selection import select

from .claims import error_rise, mean_loss, middle, rise

_PANEL = (3.0, 2.6)  # inches
NAMES = {"surface": {"flat": "flat", "trained": "trained"}}


def figures(v: Values) -> Figures:
    return {
        "figure": partial(
            trends,
            measures={
                "rise of the training loss": rise,
                "training loss in the middle": middle,
                "mean training loss": mean_loss,
                "rise of the test error": error_rise,
            },
            along="surface",
            names=NAMES,
        ),
        "surfaces": surfaces,
    }


def surfaces(datasets: Datasets, *, caption: str = "") -> Figure:
    """Training loss of the first seed on the flat triangle and on the trained surface, in the same colours.

    ``datasets``: "triangle", over (surface, ...).
    """
    there = select(needed(datasets, "triangle"), {"split": "train"})
    shown = {name: first_surveyed(select(there, {"surface": name})) for name in NAMES["surface"]}
    losses = {name: network["loss"] for name, network in shown.items()}
    told = f"{shown_network(list(losses.values()))}; both with sides of one length."
    low, high = (
        float(getattr(there["loss"].sel(seed=losses["flat"]["seed"]), end)()) for end in ("min", "max")
    )
    with style():
        page, sheet, ((*axes,),) = grid_over((1, 2), _PANEL, captioned(told, caption), margin=(0.8, 0.2))
        entitle(axes, ["flat triangle", "trained surface"])
        for axis, network in zip(axes, shown.values(), strict=True):
            x, y = network["v"] + network["w"] / 2, np.sqrt(3) / 2 * network["w"]
            drawn = axis.tricontourf(x, y, network["loss"], np.linspace(low, high, 13))
            for name, (left, up) in {"u": (0, -0.07), "v": (1, -0.07), "w": (0.5, 0.89)}.items():
                axis.text(left, up, f"{name} = 1", ha="center", fontsize=points(7))
            axis.set(aspect="equal", xlim=(-0.1, 1.1), ylim=(-0.12, 0.97))
            axis.set_axis_off()
        sheet.colorbar(drawn, ax=axes, label="training loss", format="%.2g")
    return page
