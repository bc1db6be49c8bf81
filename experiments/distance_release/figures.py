"""What `distance_release` draws: name of the file -> function of the datasets and a caption."""

from functools import partial
from typing import Any

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, path_profiles
from lossatlas.measures import percent

ARMS = {"pushed": "kernel to the end", "released": "let out", "undisturbed": "no kernel"}
COURSES = {
    "squared distance to the checkpoint": lambda history: history["squared_distance_0"],
    "test error": lambda history: percent(history["test_error"]),
}
LINES: dict[str, dict[str, Any]] = {
    "training loss": {"landscape": "to_checkpoint", "variable": "loss"},
    "training error (%)": {"landscape": "to_checkpoint", "variable": "error", "scale": 100},
}


def figures(v: Values) -> Figures:
    curves = partial(learning_curves, measures=COURSES, along="epoch", by="arm", names={"arm": ARMS})
    late = {"checkpoint": v.checkpoint, "arm": [*ARMS]}
    return {
        "figure": partial(curves, at=late, marks={"checkpoint": [v.checkpoint], "release": [v.release]}),
        "initialisation": partial(curves, at=late | {"checkpoint": 0}, marks={"release": [v.early]}),
        "lines": partial(
            path_profiles,
            colors="arm",
            at=late,
            names={"arm": ARMS},
            xlabel="position on the line to the checkpoint",
            panels=LINES,
        ),
    }
