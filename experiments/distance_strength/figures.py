"""What `distance_strength` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, learning_curves, trends
from lossatlas.measures import after, at, mean, named, on, percent

COURSES = {
    "squared distance": lambda history: history["squared_distance_0"],
    "test error": lambda history: percent(history["test_error"]),
}
NAMES: Names = {
    "model": {"resnet8_narrow": "ResNet-8", "resnet32_padded": "ResNet-32", "mobilenetv2": "MobileNetV2"},
    "strength": {0: "no kernel"},
}


def figures(v: Values) -> Figures:
    def end(history: xr.Dataset) -> xr.DataArray:
        return named(at(history["squared_distance_0"], epoch=v.end) * v.per_width, "squared distance", "2σ²")

    def highest(history: xr.Dataset) -> xr.DataArray:
        soon = after(history["test_error"], epoch=v.checkpoint, until=v.soon)
        return percent(soon.max("epoch"))

    def settled(history: xr.Dataset) -> xr.DataArray:
        return mean(after(percent(history["test_error"]), epoch=v.before_end), "epoch")

    law = {"distance² at the end": end, "highest error soon after": highest, "error at the end": settled}
    return {
        "figure": partial(  # as figure 4.2 of the thesis
            learning_curves,
            measures=COURSES,
            reference={label: on("reference", of) for label, of in COURSES.items()},
            along="epoch",
            by="strength",
            columns="model",
            marks={"checkpoint": [v.checkpoint]},
            names=NAMES,
        ),
        "law": partial(trends, measures=law, along="strength", by="model", names=NAMES),  # against ln s
    }
