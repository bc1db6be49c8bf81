"""What `normalization` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import contours, trends
from lossatlas.measures import at, percent

from .claims import basin, curvature, surveyed, test_error

KINDS = {
    "none": "none",
    "batch": "batch",
    "layer": "layer",
    "group": "group",
    "weight_norm": "weight",
    "spectral_norm": "spectral",
    "deconvolution": "deconv.",
}
NAMES = {"normalization": KINDS}
UPON_OUTPUTS = ["none", "batch", "layer", "group"]
OTHERS = ["weight_norm", "spectral_norm", "deconvolution"]


def train_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["train_error"])


def figures(v: Values) -> Figures:
    largest, condition = curvature(v)
    alike = {"rate": v.rate, "batch_size": v.batch_size}
    drawn = partial(contours, columns="normalization", names=NAMES)
    return {
        "figure": partial(
            trends,
            measures={
                "largest eigenvalue": largest,
                f"largest over {v.bulk}th": condition,
                f"area where loss < {v.level:g}": basin(v),
                "train error": lambda summary: at(train_error(summary), **surveyed(v)),
            },
            along="normalization",
            at={"normalization": [*KINDS]},
            names=NAMES,
        ),
        "rates": partial(
            trends,
            measures={"train error": train_error},
            along="rate",
            by="normalization",
            at={**surveyed(v), "rate": v.rates, "normalization": v.raced},
            names=NAMES,
        ),
        "surfaces": partial(drawn, at={**surveyed(v), "normalization": UPON_OUTPUTS}),
        "surfaces_upon_weights": partial(drawn, at={**surveyed(v), "normalization": OTHERS}),
        "small_batches": partial(  # as figure 1 of Wu & He 2018
            trends,
            measures={"test error": test_error},
            along="batch_size",
            by="normalization",
            at={
                "rate": v.rate,
                "epochs": v.small_epochs,
                "batch_size": v.small_batches,
                "normalization": ["batch", "group"],
            },
            names=NAMES,
        ),
        "lengths": partial(
            trends,
            measures={"test error": test_error},
            along="epochs",
            by="normalization",
            at={**alike, "epochs": v.lengths, "normalization": ["batch", "deconvolution"]},
            names=NAMES,
        ),
    }
