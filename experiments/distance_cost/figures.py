"""What `distance_cost` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves
from lossatlas.measures import after, mean, stacked

NAMES = {
    "way": {"closed_form": "force in closed form", "autograd": "penalty through autograd"},
    "model": {
        "resnet8_narrow": "ResNet-8",
        "mobilenetv2_narrow": "MobileNetV2, narrow",
        "resnet32_padded": "ResNet-32",
        "mobilenetv2": "MobileNetV2",
    },
}
EVERY, END = 150, 600  # epochs, of the printed runs: from one checkpoint to the next, and in all


def printed(reference: xr.Dataset) -> xr.DataArray:
    """Mean time of an epoch with each number of checkpoints."""
    seconds = reference["epoch_seconds"]
    stretches = [after(seconds, epoch=start, until=start + EVERY) for start in range(0, END, EVERY)]
    return stacked(*(mean(stretch, "epoch") for stretch in stretches), over="checkpoints")


def figures(v: Values) -> Figures:
    drawn = partial(learning_curves, along="checkpoints", names=NAMES)
    return {
        "figure": partial(
            drawn,
            measures={"time of a step relative to none": lambda step_time: step_time["relative"]},
            by="way",
            columns="model",
        ),
        "epoch": partial(  # as figure 4.13 of the thesis
            drawn,
            measures={"time of an epoch": lambda step_time: step_time["epoch_seconds"]},
            by="model",
            at={"way": "autograd"},
            reference=printed,
        ),
    }
