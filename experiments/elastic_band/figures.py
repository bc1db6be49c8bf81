"""What `elastic_band` draws: name of the file -> function of the datasets and a caption."""

from functools import partial
from typing import Any

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import path_profiles, trends
from lossatlas.measures import Measure, at, first_below

from .claims import barrier, error_rise, length, saddle_loss

NAMES = {"part": {"ends": "straight line", "band": "elastic band"}}


def epochs_to_saddle(history: xr.Dataset, summary: xr.Dataset) -> xr.DataArray:
    """Epoch of training at which the ends' loss falls below that at the band's saddle."""
    return first_below(at(history["train_loss"], part="ends"), saddle_loss(summary), along="epoch")


MEASURES: dict[str, Measure] = {
    "barrier at the saddle": barrier,
    "rise of the test error": error_rise,
    "length / straight line": length,
    "epoch at the saddle's loss": epochs_to_saddle,
}


def figures(v: Values) -> Figures:
    drawn = partial(path_profiles, colors="part", at={"part": ["ends", "band"]}, names=NAMES, shared=True)
    narrowest, widest = ({"family": "cnn", "size": size} for size in (v.narrowest, v.widest))
    shallowest, deepest = ({"family": "resnet", "size": size} for size in (v.shallowest, v.deepest))
    loss: dict[str, Any] = {"variable": "loss", "log": True}
    error: dict[str, Any] = {"variable": "error", "split": "test", "scale": 100}
    losses = {
        "training loss, narrowest CNN": loss | {"at": narrowest},
        "widest CNN": loss | {"at": widest},
        "shallowest ResNet": loss | {"at": shallowest},
        "deepest ResNet": loss | {"at": deepest},
    }
    errors = {
        "test error (%), narrowest CNN": error | {"at": narrowest},
        "test error (%), deepest ResNet": error | {"at": deepest},
    }
    by_size = partial(trends, along="size", measures=MEASURES)
    return {
        "figure": partial(drawn, panels=losses),
        "test_error": partial(drawn, panels=errors),
        "width": partial(by_size, at={"family": "cnn", "size": v.widths}, xlabel="width of the CNN"),
        "depth": partial(by_size, at={"family": "resnet", "size": v.depths}, xlabel="depth of the ResNet"),
    }
