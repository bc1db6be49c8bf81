"""What `distance_barrier` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, learning_curves, trends
from lossatlas.measures import Measure, at, percent

from .claims import barrier, disagreement, distance, kept_direction, matched_barrier, wrong_on_the_way

ARMS = {
    "hill": "hill",
    "wider": "twice as wide",
    "falling": "falling rate",
    "random": "random push",
    "several": "three hills",
}
NAMES: Names = {
    "strength": {0: "no kernel"},
    "alignment": {"before": "units as they are", "after": "units matched"},
    "arm": ARMS,
}
BARRIERS = {
    "barrier to the checkpoint": barrier,
    "barrier, units matched": matched_barrier,
    "images wrong on the way": wrong_on_the_way,
    "squared distance": distance,
}
COURSES = {
    "value of the kernel": lambda history: history["kernel_0"],
    "squared distance": lambda history: history["squared_distance_0"],
    "test error": lambda history: percent(history["test_error"]),
}


def of_pair(variable: str, **where: int) -> Measure:
    return lambda pair: at(pair[variable], split="test", **where)


def figures(v: Values) -> Figures:
    def line(to_checkpoint: xr.Dataset) -> xr.DataArray:
        return at(to_checkpoint["loss"], split="train")

    hills = {"arm": "hill", "strength": v.strengths}
    by_strength = partial(trends, along="strength", at=hills, names=NAMES)
    answers = {
        "answered differently": disagreement,
        "test NLL, last network": of_pair("member_nll", member=0),
        "test NLL, with the checkpoint": of_pair("nll"),
        f"cosine of way to {v.kept[0]} and to {v.end}": kept_direction,
    }
    return {
        "figure": partial(by_strength, measures=BARRIERS),
        "lines": partial(
            learning_curves,
            measures={"training loss": line},
            along="alpha",
            by="strength",
            columns="alignment",
            at=hills,
            names=NAMES,
        ),
        "courses": partial(
            learning_curves,
            measures=COURSES,
            along="epoch",
            by="strength",
            at=hills,
            marks={"checkpoint": [v.checkpoint]},
            names=NAMES,
        ),
        "arms": partial(
            trends,
            measures=BARRIERS,
            along="arm",
            by="strength",
            at={"arm": [*ARMS], "strength": [v.middle, v.strong]},
            names=NAMES,
        ),
        "answers": partial(by_strength, measures=answers),
    }
