"""What `squeezenet` draws: name of the file -> function of the datasets and a caption."""

from functools import partial
from typing import Any

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, scatter, trends
from lossatlas.measures import log10, named, percent

from .claims import error, parameters, test_error

NAMES: dict[str, dict[Any, str]] = {
    "network": {
        "alexnet": "AlexNet",
        "squeezenet": "SqueezeNet",
        "simple": "simple bypass",
        "complex": "complex bypass",
        "filters": "3x3 alone",
        "unsqueezed": "unsqueezed",
        "early": "early pooling",
    },
    "bits": {bits: f"{bits} bits" for bits in (32, 8, 6, 4)},
}


SHORT = {
    "network": NAMES["network"]
    | {"simple": "simple", "complex": "complex", "filters": "3x3", "early": "early"}
}


def size(compression: xr.Dataset) -> xr.DataArray:
    return named(compression["size"] / 1000, "size", "kB")


def many(compression: xr.Dataset) -> xr.DataArray:
    return log10(parameters(compression))


def figures(v: Values) -> Figures:
    pair = {"network": ["alexnet", "squeezenet"]}
    return {
        "figure": partial(
            scatter, x=many, y=test_error, by="network", at={"network": v.networks}, names=NAMES
        ),
        "errors": partial(
            trends,
            measures={"test error": test_error, "train error": train_error},
            along="network",
            at={"network": v.networks},
            names=SHORT,
        ),
        "compression": partial(
            learning_curves,
            measures={"test error": error, "size (log10 kB)": lambda compression: log10(size(compression))},
            along="kept",
            by="bits",
            columns="network",
            at=pair,
            names=NAMES,
        ),
    }


def train_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["train_error"])
