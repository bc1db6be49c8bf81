"""What `cells` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import at, percent

from .claims import an_epoch, barrier, crossings, distance, switched

NAMES = {
    "between": {"pushed": "from the checkpoint, pushed", "modes": "straight line", "curve": "trained curve"}
}


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
                "units that differ (%)": switched,
                "distance": distance,
                "barrier of the training loss": barrier,
            },
            along="strength",
            by="between",
            at={"between": ["pushed", "modes"], "strength": [0, *v.strengths]},
            names=NAMES,
        ),
        "curve": partial(
            learning_curves,
            measures={
                "switched units (%)": along,
                "training loss": lambda path: at(path["loss"], split="train"),
            },
            along="t",
            by="between",
            at={"between": ["modes", "curve"], "strength": 0},
            names=NAMES,
        ),
        "training": partial(
            learning_curves,
            measures={"crossings an epoch": an_epoch},
            along="line",
            at={"between": "modes", "strength": 0},
        ),
        "crossings": partial(
            trends,
            measures={"crossings of an example": crossings},
            along="between",
            at={"between": ["modes", "curve"], "strength": 0},
            names=NAMES,
        ),
    }
