"""What `weight_spectra` draws: name of the file -> function of the datasets and a caption."""

from collections.abc import Callable
from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import at, named, ratio

from .claims import of_hidden

NAMES = {"batch": {"small": "small batches", "large": "large batches"}}


def figures(v: Values) -> Figures:
    first, last = v.epochs[0], v.epochs[-1]
    return {
        "figure": partial(
            trends,
            measures={
                "outliers of a matrix": of_hidden(v, "outliers"),
                "stable rank": of_hidden(v, "stable_rank"),
                "median singular value": of_hidden(v, "bulk"),
            },
            along="snapshot",
            by="batch",
            at={"snapshot": v.epochs},
            names=NAMES,
        ),
        "spectra": partial(
            learning_curves,
            measures={
                "singular value / edge, first weights": relative(0),
                "singular value / edge, second weights": relative(1),
            },
            along="rank",
            by="snapshot",
            at={"batch": "small", "snapshot": [first, last]},
            names={"snapshot": {first: "before training", last: "after it"}},
        ),
    }


def relative(weight: int) -> Callable[..., xr.DataArray]:
    """Singular values of a weight in multiples of the edge of a random matrix's bulk, by rank."""

    def values(spectra: xr.Dataset) -> xr.DataArray:
        found = at(ratio(spectra["singular_value"], spectra["edge"]).isel(weight=weight, drop=True))
        return named(found, "singular value over the edge of the bulk")

    return values
