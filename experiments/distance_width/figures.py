"""What `distance_width` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, learning_curves
from lossatlas.measures import on, percent

COURSES = {
    "squared distance": lambda history: history["squared_distance_0"],
    "test error": lambda history: percent(history["test_error"]),
}
NAMES: Names = {
    "model": {"resnet8_narrow": "ResNet-8", "resnet32_padded": "ResNet-32", "mobilenetv2": "MobileNetV2"},
    "sigma": {
        0: "no kernel",
        1.5811388300841898: "2σ² = 5",
        5.0: "2σ² = 50",
        15.811388300841896: "2σ² = 500",
        50.0: "2σ² = 5000",
        2.23606797749979: "2σ² = 10",
        7.0710678118654755: "2σ² = 100",
        22.360679774997898: "2σ² = 1000",
        70.71067811865476: "2σ² = 10000",
    },
}


def figures(v: Values) -> Figures:
    return {
        "figure": partial(  # as figure 4.3 of the thesis
            learning_curves,
            measures=COURSES,
            reference={label: on("reference", of) for label, of in COURSES.items()},
            along="epoch",
            by="sigma",
            columns="model",
            marks={"checkpoint": [v.checkpoint]},
            names=NAMES,
        )
    }
