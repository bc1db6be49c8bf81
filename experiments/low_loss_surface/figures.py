"""What `low_loss_surface` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import trends

from .claims import error_rise, mean_loss, middle, rise

NAMES = {"surface": {"flat": "flat", "trained": "trained"}}


def figures(v: Values) -> Figures:
    return {
        "figure": partial(
            trends,
            measures={
                "rise of the training loss": rise,
                "training loss in the middle": middle,
                "mean training loss": mean_loss,
                "rise of the test error": error_rise,
            },
            along="surface",
            names=NAMES,
        )
    }
