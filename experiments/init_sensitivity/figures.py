"""What `init_sensitivity` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import trends

from .claims import distance, imbalance, loss, test_error

NAMES = {"skip": {True: "with shortcuts", False: "without"}}


def figures(v: Values) -> Figures:
    return {
        "figure": partial(
            trends,
            measures={"test error": test_error, "distance from the median": distance},
            along="skip",
            at={"part": "trained", "depth": v.deep},
            names=NAMES,
        ),
        "start": partial(
            trends,
            measures={"training loss at the start": loss, "|log10| first / last gradient": imbalance},
            along="depth",
            by="skip",
            at={"part": "start", "depth": v.depths},
            names=NAMES,
        ),
    }
