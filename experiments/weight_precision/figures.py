"""What `weight_precision` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import trends
from lossatlas.measures import log10

from .claims import bits_needed, rise, sharpness


def log_rise(compression: xr.Dataset) -> xr.DataArray:
    return log10(rise(compression))


def figures(v: Values) -> Figures:
    return {
        "figure": partial(
            trends,
            measures={"log10 of the rise of the training loss": log_rise},
            along="bits",
            by="batch_size",
            at={"bits": v.bits, "batch_size": v.batch_sizes},
        ),
        "sharpness": partial(
            trends,
            measures={"largest eigenvalue": sharpness, "bits that are needed": bits_needed(v)},
            along="batch_size",
            at={"batch_size": v.batch_sizes},
        ),
    }
