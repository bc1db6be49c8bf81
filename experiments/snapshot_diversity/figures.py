"""What `snapshot_diversity` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, correlation_matrices, learning_curves
from lossatlas.measures import at, percent

NAMES: Names = {
    "method": {"nocycle": "NoCycle", "snapshot_01": "snapshots of cycles"},
    "member": {0: "first", 1: "second", 2: "third", 3: "fourth", 4: "fifth of six"},
}
LINES = {
    "test error": lambda interpolation: percent(at(interpolation["error"], split="test")),
    "test loss": lambda interpolation: at(interpolation["loss"], split="test"),
}


def figures(v: Values) -> Figures:
    return {
        "figure": partial(  # as Figure 5 of Huang et al. 2017
            learning_curves,
            measures=LINES,
            along="alpha",
            by="member",
            columns="method",
            at=v.figure_5,
            names=NAMES,
        ),
        "correlation": partial(
            correlation_matrices, columns="method", at=v.figure_6, names=NAMES
        ),  # as Figure 6
    }
