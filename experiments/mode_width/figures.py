"""What `mode_width` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import path_profiles, trends
from lossatlas.measures import at, percent

MEASURES = {
    "rise of the training loss": lambda path: at(path["loss_rise"], split="train"),
    "length over the straight line's": lambda path: path["length_ratio"],
    "rise of the test error": lambda path: percent(at(path["error_rise"], split="test")),
}
PATHS = {
    "training loss": {"variable": "loss", "log": True},
    "training error (%)": {"variable": "error", "scale": 100},
    "test error (%)": {"variable": "error", "split": "test", "scale": 100},
}


def figures(v: Values) -> Figures:
    curve = {"method": "curve"}
    return {
        "figure": partial(trends, measures=MEASURES, along="width", at=curve),
        "paths": partial(
            path_profiles,
            colors="width",
            at=curve,
            columns=3,
            xlabel="position t on the curve",
            panels=PATHS,
        ),
    }
