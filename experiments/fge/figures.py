"""What `fge` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import Measure, at, by_budget, course, percent

METHODS = {"independent": "independent networks", "snapshot": "snapshot ensembles", "fge": "FGE"}


def figures(v: Values) -> Figures:
    def score(ensemble: xr.Dataset, variable: str = "error_first") -> xr.DataArray:
        return by_budget(at(ensemble[variable], split="test"), budgets=v.runs)

    cycles = {
        "learning rate": lambda history: history["lr"],
        "test error": lambda trace: percent(course(at(trace["member_error"], split="test"), epochs=v.traced)),
        "distance from the start": lambda trace: course(at(trace["distance"], other=0), epochs=v.traced),
    }
    scores: dict[str, Measure] = {
        "test error": lambda ensemble: percent(score(ensemble)),
        "test negative log-likelihood": partial(score, variable="nll_first"),
    }
    return {
        # as Figure 3 of Garipov et al. 2018
        "figure": partial(
            learning_curves,
            measures=cycles,
            along="epoch",
            at={"method": "fge"} | v.place,
            marks={"a member": [*range(v.cycle // 2, v.cycling + 1, v.cycle)]},
        ),
        "budgets": partial(  # as table 1
            trends,
            measures=scores,
            along="budget",
            by="method",
            at={"method": [*METHODS]} | v.place,
            names={"method": METHODS},
        ),
    }
