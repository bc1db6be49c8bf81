"""What `distance_baseline` draws: name of the file -> function of the datasets and a caption."""

from functools import partial
from typing import Any

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, network_planes, path_profiles
from lossatlas.measures import on, percent

NAMES = {
    "push": {"away": "kernel", "nothing": "no kernel", "random": "random push", "toward": "attraction"},
    "model": {
        "resnet8_narrow": "ResNet-8",
        "mobilenetv2_narrow": "MobileNetV2",
        "resnet32_padded": "ResNet-32",
        "mobilenetv2": "MobileNetV2",
    },
}
COURSES = {
    "squared distance to the checkpoint": lambda history: history["squared_distance_0"],
    "test error": lambda history: percent(history["test_error"]),
}
FORCES = {
    "norm of the push": lambda history: history["force_norm"],
    "norm of the gradient": lambda history: history["gradient_norm"],
    "cosine of descent and away": lambda history: history["away_gradient_cosine_0"],
}
DISTANCES = {
    "squared distance, relative": lambda history: history["relative_squared_distance_0"],
    "squared distance, by filter": lambda history: history["filterwise_squared_distance_0"],
}
LINES = {
    "training loss, to the checkpoint": "to_checkpoint",
    "training loss, to the undisturbed": "to_undisturbed",
    "training loss, to another seed": "to_other_seed",
}


def figures(v: Values) -> Figures:
    pushes: dict[str, Any] = {"data": v.data, "push": ["away", "nothing", "random", "toward"]}
    curves = partial(
        learning_curves,
        along="epoch",
        by="push",
        columns="model",
        at=pushes,
        marks={"checkpoint": [v.checkpoint]},
        names=NAMES,
    )
    plane = {
        "landscape": "plane",
        "at": {"data": v.data, "model": v.first, "push": "away"},
        "points": {0: "pushed", 1: "checkpoint", 2: "undisturbed"},
    }
    return {
        "figure": partial(  # as figure 4.1 of the thesis, which has two arms
            curves, measures=COURSES, reference={label: on("reference", of) for label, of in COURSES.items()}
        ),
        "forces": partial(curves, measures=FORCES),
        "distances": partial(curves, measures=DISTANCES),
        "lines": partial(
            path_profiles,
            colors="push",
            at=pushes | {"model": v.first},
            names=NAMES,
            columns=3,
            shared=True,
            xlabel="position on the line",
            panels={
                label: {"landscape": line, "variable": "loss", "log": True} for label, line in LINES.items()
            },
        ),
        "plane": partial(network_planes, panels={"pushed, undisturbed, checkpoint": plane}),
    }
