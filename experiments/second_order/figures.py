"""What `second_order` draws: paths from around saddles, and the race of the network in steps and in seconds."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import race, trends
from lossatlas.measures import Measure
from lossatlas.toy import MonkeySaddle, Saddle, Surface, grounds

from .claims import SADDLES, step_seconds, steps_below

GROUNDS: dict[str, Surface] = {"saddle": Saddle(), "monkey_saddle": MonkeySaddle()}
WINDOWS = {"saddle": (-1.5, 1.5), "monkey_saddle": (-1.3, 1.3)}  # of x and y
NAMES = {
    "ground": {"saddle": "saddle", "monkey_saddle": "monkey saddle"},
    "method": {
        "gradient": "plain descent",
        "newton": "Newton",
        "saddle_free_newton": "saddle-free Newton",
        "minibatches": "SGD, minibatches",
        "descent": "SGD, whole set",
        "quickprop": "Quickprop",
        "lbfgs": "L-BFGS",
        "hessian_free": "Hessian-free",
    },
}
AT_SADDLES = ["gradient", "newton", "saddle_free_newton"]


def figures(v: Values) -> Figures:
    def steps(history: xr.Dataset) -> xr.DataArray:
        return steps_below(history, v.level)

    def milliseconds(along_training: xr.Dataset) -> xr.DataArray:
        return 1000 * step_seconds(along_training)

    def seconds(history: xr.Dataset, along_training: xr.Dataset) -> xr.DataArray:
        return steps_below(history, v.level) * step_seconds(along_training)

    measures: dict[str, Measure] = {
        f"steps to a loss of {v.level:g}": steps,
        "milliseconds of a step": milliseconds,
        f"seconds to a loss of {v.level:g}": seconds,
    }
    return {
        "figure": partial(saddle_race, at={"ground": [*SADDLES], "method": AT_SADDLES}),
        "network": partial(
            trends,
            measures=measures,
            along="method",
            at={"ground": "network", "method": v.methods},
            names=NAMES,
        ),
    }


def saddle_race(datasets: Mapping[str, xr.Dataset], *, at: Mapping[str, Any], caption: str = "") -> Figure:
    """The `race` around each saddle, whose ground is drawn from its formula."""
    return race(
        {"trajectory": datasets["trajectory"], "surface": grounds(GROUNDS, WINDOWS)},
        by="method",
        columns="ground",
        at=at,
        critical_points={name: surface.critical_points for name, surface in GROUNDS.items()},
        names=NAMES,
        caption=caption,
    )
