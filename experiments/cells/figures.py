"""What `cells` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import at, percent

from .claims import an_epoch, barrier, crossings, density, distance, switched, undone

ENDS = {"between": {"pushed": "checkpoint and pushed network", "modes": "networks of two seeds"}}
WAYS = {"between": {"modes": "straight line", "curve": "trained curve"}}


def along(activation_patterns: xr.Dataset) -> xr.DataArray:
    """Share of the units that have switched, of all layers."""
    units = activation_patterns["units"]
    share = (at(activation_patterns["switched"], split="train") * units).sum(
        "layer", skipna=False
    ) / units.sum("layer")
    return percent(share)


def figures(v: Values) -> Figures:
    return {
        "figure": partial(
            trends,
            measures={
                "units that differ": switched,
                "distance": distance,
                "barrier of the training loss": barrier,
            },
            along="strength",
            by="between",
            at={"between": ["pushed", "modes"], "strength": [0, *v.strengths]},
            names=ENDS,
        ),
        "curve": partial(
            learning_curves,
            measures={
                "switched units": along,
                "training loss": lambda path: at(path["loss"], split="train"),
            },
            along="t",
            by="between",
            at={"between": ["modes", "curve"], "strength": 0},
            names=WAYS,
        ),
        "training": partial(
            learning_curves,
            measures={"crossings an epoch": lambda training: an_epoch(training).rename(line="epoch")},
            along="epoch",
            at={"between": "modes", "strength": 0},
        ),
        "crossings": partial(
            trends,
            measures={
                "crossings of an example": crossings,
                "on a unit of length": density,
                "crossings over units that differ": undone,
            },
            along="between",
            at={"between": ["modes", "curve"], "strength": 0},
            names=WAYS,
        ),
    }
