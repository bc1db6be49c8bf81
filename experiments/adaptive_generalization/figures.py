"""What `adaptive_generalization` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, learning_curves, trends
from lossatlas.measures import at, named, percent, stacked

from .claims import ADAPTIVE, WITHOUT_DECAY, test_error

NAMES: Names = {
    "optimizer": {"plain_sgd": "SGD", "momentum": "momentum", **ADAPTIVE},
}


def train_loss(summary: xr.Dataset) -> xr.DataArray:
    return named(summary["train_loss"], "train loss")


def figures(v: Values) -> Figures:
    methods = {**WITHOUT_DECAY, "optimizer": [*NAMES["optimizer"]]}
    settings = (
        WITHOUT_DECAY,
        {"decay": "gradient", "weight_decay": v.l2},
        {"decay": "decoupled", "weight_decay": v.decoupled},
    )

    def of_decays(values: xr.DataArray) -> xr.DataArray:
        """Under Adam, side by side."""
        parts = [at(values, optimizer="adamw", **where) for where in settings]
        return stacked(*parts, over="decay").assign_coords(decay=["none", "L2", "decoupled"])

    return {
        "figure": partial(
            trends,
            measures={"test error": test_error, "train loss": train_loss},
            along="optimizer",
            at=methods,
            names=NAMES,
        ),
        "courses": partial(
            learning_curves,
            measures={
                "train loss": lambda history: history["train_loss"],
                "validation error": lambda history: percent(history["validation_error"]),
            },
            along="epoch",
            by="optimizer",
            at=methods,
            names=NAMES,
        ),
        "decays": partial(
            trends,
            measures={
                "test error": lambda summary: of_decays(test_error(summary)),
                "train loss": lambda summary: of_decays(train_loss(summary)),
            },
            along="decay",
            names=NAMES,
        ),
    }
