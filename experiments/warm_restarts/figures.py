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
        "default_faster": "in steps, from 0.1",
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

    by_schedule = {
        name: partial(
            trends,
            measures={"test error": error_of_last},
            along="schedule",
            by="model" if v.others else None,
            at={"schedule": v.tabled} | place,
            names=NAMES,
        )
        for name, place in v.tables.items()
    }
    return {
        "figure": partial(  # as Figures 1 and 2 of Loshchilov & Hutter 2017
            learning_curves,
            measures={"rate after an epoch": lambda history: history["lr"], "test error": traced},
            dotted=["rate after an epoch"],
            along="epoch",
            columns="schedule",
            at={"schedule": ["default", "whole", "quarter", "doubling"]} | v.network,
            names=NAMES,
        ),
        **by_schedule,
        "ensembles": partial(  # as table 2
            trends,
            measures={"test error": error},
            along="size",
            by="schedule",
            at={"schedule": ["doubling", "late"], "size": [1, 2, 3]} | v.network,
            names=NAMES,
        ),
    }
