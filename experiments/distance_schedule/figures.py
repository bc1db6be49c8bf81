"""What `distance_schedule` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, learning_curves
from lossatlas.measures import on, percent

COURSES = {
    "test error": lambda history: percent(history["test_error"]),
    "squared distance from the 1st": lambda history: history["squared_distance_0"],
}
SCHEDULES = {"fixed": "fixed rate", "step": "steps, with restarts", "cosine": "cosine restarts"}
NAMES: Names = {
    "model": {"resnet8_narrow": "ResNet-8", "resnet32_padded": "ResNet-32", "mobilenetv2": "MobileNetV2"},
    "schedule": SCHEDULES,
    "strength": {0: "no hills"},
}


def figures(v: Values) -> Figures:
    drawn = partial(
        learning_curves,
        measures=COURSES,
        reference={label: on("reference", of) for label, of in COURSES.items()},
        along="epoch",
        columns="model",
        names=NAMES,
        marks={"checkpoint": v.checkpoints},
    )
    hills = partial(drawn, by="strength")
    return {
        # as figures 4.7, 4.9, 4.10 and 4.8 of the thesis
        "figure": partial(drawn, by="schedule", at={"schedule": [*SCHEDULES], "strength": 0, "rate": 1}),
        "restarts": partial(hills, at={"schedule": "cosine", "strength": [0, v.both], "rate": 1}),
        "wrong_rate": partial(hills, at={"schedule": "cosine", "strength": [0, v.both], "rate": 10}),
        "hills": partial(hills, at={"schedule": "fixed", "strength": [0, v.hills], "rate": 1}),
    }
