"""What `data_order` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, learning_curves, trends
from lossatlas.measures import log10

from .claims import noise, scatter, test_error, train_loss

NAMES: Names = {
    "order": {
        "reshuffled": "reshuffled",
        "shuffled_once": "once",
        "with_replacement": "replacement",
        "sorted": "sorted",
    },
    "drawn": {0: "shuffled", 1: "with replacement", 2: "sorted"},
    "batch_norm": {False: "without batch norm", True: "with it"},
}


def relative_noise(
    shuffled_parts: xr.Dataset, drawn_parts: xr.Dataset, sorted_parts: xr.Dataset
) -> xr.DataArray:
    """A whole epoch that goes through each image once has none."""
    found = noise(shuffled_parts, drawn_parts, sorted_parts)
    return log10(found.where(found > 0))


def validation_loss(history: xr.Dataset) -> xr.DataArray:
    return log10(history["validation_nll"])


def figures(v: Values) -> Figures:
    return {
        "figure": partial(
            trends,
            measures={
                "test error": test_error,
                "log10 of the training loss": train_loss,
                "scatter of the loss": scatter(v),
            },
            along="order",
            by="batch_norm",
            at={"order": list(NAMES["order"]), "epochs": v.end},
            names=NAMES,
        ),
        "epochs": partial(
            learning_curves,
            measures={"log10 of the validation loss": validation_loss},
            along="epoch",
            by="order",
            at={"batch_norm": False, "epochs": v.end, "epoch": list(range(1, v.end + 1))},
            names=NAMES,
        ),
        "noise": partial(
            trends,
            measures={"log10 of noise / norm": relative_noise},
            along="size",
            by="drawn",
            at={"order": "reshuffled", "batch_norm": False, "epochs": 1},
            names=NAMES,
        ),
    }
