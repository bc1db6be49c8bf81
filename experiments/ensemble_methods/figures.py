"""What `ensemble_methods` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import trends
from lossatlas.measures import at, named

from .claims import brier, covariance, error, in_common, one_and_all, shared, variance

NAMES = {
    "method": {
        "initialisations": "initialisation",
        "all_but_fold": "folds but one",
        "bagging": "bagging",
        "one_fold": "one fold",
        "architectures": "architecture",
        "snapshots": "snapshots",
        "curve": "curve",
        "single": "one network",
    }
}
SEVERAL = [method for method in NAMES["method"] if method != "single"]


def gain(ensemble: xr.Dataset) -> xr.DataArray:
    one, together = (at(one_and_all(ensemble), of=of) for of in (0, 1))
    return named(one - together, "gain", "points")


def figures(v: Values) -> Figures:
    drawn = partial(trends, along="method", names=NAMES)
    return {
        "figure": partial(
            drawn,
            measures={
                "test error of all": error,
                "gain over a member": gain,
                "Brier score of all": brier,
            },
            at={"method": [*NAMES["method"]]},
        ),
        "errors": partial(
            drawn,
            measures={
                "v": variance,
                "c": covariance,
                "c / v": in_common,
                "errors of two in common": shared,
            },
            at={"method": SEVERAL},
        ),
    }
