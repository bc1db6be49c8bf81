"""What `optimizers` draws: races over the toys, steps across the ravine, and measures of the network."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, race, trends
from lossatlas.measures import at
from lossatlas.toy import Bowl, Cubic, Saddle, Surface, grounds

from .claims import distance, plane_share, sharpness, steps_to, test_error, train_loss

GROUNDS: dict[str, Surface] = {"ravine": Bowl(100.0, 30.0), "saddle": Saddle(), "valley": Cubic()}
WINDOWS = {"ravine": (-0.6, 2.2), "saddle": (-1.7, 1.7), "valley": (-1.7, 1.7)}  # of x and y
NAMES = {
    "optimizer": {
        "plain_sgd": "SGD",
        "momentum": "momentum",
        "nesterov": "Nesterov",
        "adagrad": "AdaGrad",
        "rmsprop": "RMSProp",
        "adam": "Adam",
        "adamw": "AdamW",
    },
    "ground": {name: name for name in GROUNDS},
}


def figures(v: Values) -> Figures:
    def ravine(history: xr.Dataset) -> xr.DataArray:
        return at(steps_to(history["validation_loss"], v.crossed), ground="ravine")

    networks = {
        "training loss": train_loss,
        "test error": test_error,
        "distance travelled": distance,
        "largest eigenvalue": sharpness,
        "share of two components": plane_share,
    }
    return {
        "figure": partial(toy_race, at={"ground": ["ravine"], "optimizer": v.rolling}),
        "saddle_and_valley": partial(
            toy_race, at={"ground": ["saddle", "valley"], "optimizer": ["plain_sgd", "momentum", "adagrad"]}
        ),
        "ravine": partial(
            trends,
            measures={"steps to cross the ravine": ravine},
            along="optimizer",
            at={"optimizer": v.rolling},
            names=NAMES,
        ),
        "network": partial(
            trends,
            measures=networks,
            along="optimizer",
            at={"ground": "network", "optimizer": v.methods},
            names=NAMES,
        ),
        "courses": partial(
            learning_curves,
            measures={"training loss": lambda history: history["train_loss"]},
            along="epoch",
            by="optimizer",
            at={"ground": "network", "optimizer": v.methods},
            names=NAMES,
        ),
    }


def toy_race(datasets: Mapping[str, xr.Dataset], *, at: Mapping[str, Any], caption: str = "") -> Figure:
    """The `race` over each of the toys, whose ground is drawn from its formula."""
    return race(
        {"trajectory": datasets["trajectory"], "surface": grounds(GROUNDS, WINDOWS)},
        by="optimizer",
        columns="ground",
        at=at,
        critical_points={name: surface.critical_points for name, surface in GROUNDS.items()},
        names=NAMES,
        caption=caption,
    )
