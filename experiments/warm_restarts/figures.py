"""What `warm_restarts` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import at, course, percent

from .claims import error, error_of_last

NAMES = {
    "schedule": {
        "default": "in steps",
        "whole": "one period",
        "half": "two periods",
        "quarter": "four periods",
        "doubling": "doubling periods",
        "doubling_early": "doubling, early",
        "late": "late in a period",
    }
}


def figures(v: Values) -> Figures:
    def traced(trace: xr.Dataset) -> xr.DataArray:
        errors = at(trace["member_error"], split="test")
        return percent(course(errors, epochs=v.drawn, since=v.periods["quarter"]))

    return {
        "figure": partial(  # as Figures 1 and 2 of Loshchilov & Hutter 2017
            learning_curves,
            measures={"learning rate": lambda history: history["lr"], "test error": traced},
            along="epoch",
            columns="schedule",
            at={"schedule": ["default", "whole", "quarter", "doubling"]} | v.network,
            names=NAMES,
        ),
        "schedules": partial(  # as table 1
            trends,
            measures={"test error": error_of_last},
            along="schedule",
            by=None if v.wider is None else "model",
            at={"schedule": v.tabled},
            names=NAMES,
        ),
        "ensembles": partial(  # as table 2
            trends,
            measures={"test error": error},
            along="size",
            by="schedule",
            at={"schedule": ["doubling", "late"], "size": [1, 2, 3]} | v.network,
            names=NAMES,
        ),
    }
