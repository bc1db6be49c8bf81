"""What `distance_multiple` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, learning_curves
from lossatlas.measures import on, percent

FIRST = "squared distance from the 1st"
COURSES = {
    FIRST: lambda history: history["squared_distance_0"],
    "from the 2nd": lambda history: history["squared_distance_1"],
    "from the 3rd": lambda history: history["squared_distance_2"],
    "test error": lambda history: percent(history["test_error"]),
}
PRINTED = {label: on("reference", of) for label, of in COURSES.items()}
NAMES: Names = {
    "model": {"resnet8_narrow": "ResNet-8", "resnet32_padded": "ResNet-32", "mobilenetv2": "MobileNetV2"},
    "strength": {0: "no hills"},
    "arm": {
        "divided": "strength divided among hills",
        "undivided": "whole strength for each",
        "mean": "one hill on the mean",
        "last": "one hill on the last",
        "without_decay": "no weight decay",
    },
}


def figures(v: Values) -> Figures:
    drawn = partial(
        learning_curves, along="epoch", columns="model", names=NAMES, marks={"checkpoint": v.checkpoints}
    )
    strengths = [0, v.weak, v.middle, v.strong]
    shared = ["divided", "undivided", "mean", "last"]
    decays = ["divided", "without_decay"]
    return {
        "figure": partial(  # as figures 4.4 and 4.5 of the thesis
            drawn,
            measures=COURSES,
            reference=PRINTED,
            by="strength",
            at={"arm": "divided", "strength": strengths},
        ),
        "shared": partial(  # the factor 1/K, and merged checkpoints
            drawn, measures=COURSES, by="arm", at={"arm": shared, "strength": v.middle}
        ),
        "without_decay": partial(  # as figure 4.6
            drawn,
            measures={FIRST: COURSES[FIRST]},
            reference=PRINTED[FIRST],
            by="arm",
            at={"arm": decays, "strength": v.strong},
        ),
    }
