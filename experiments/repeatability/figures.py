"""What `repeatability` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import contours, loss_lines

NAMES = {
    "model": {
        "resnet20_narrow": "ResNet-20, with shortcuts",
        "resnet20_noshort_narrow": "ResNet-20, without",
        "resnet56": "ResNet-56, with shortcuts",
        "resnet56_noshort": "ResNet-56, without",
    },
    "landscape": {"surface": "one plane", "surface_1": "another", "surface_2": "a third"},
}


def figures(v: Values) -> Figures:
    return {
        "figure": partial(  # three planes through the same networks
            contours,
            rows="model",
            columns="landscape",
            landscape=["surface", "surface_1", "surface_2"],
            at={"model": [v.short, v.noshort], "weight_decay": v.planes_decay, "batch_size": v.small_batch},
            names=NAMES,
        ),
        "lines": partial(  # ten directions through each network
            loss_lines,
            columns="weight_decay",
            colors="batch_size",
            at={
                "model": v.on_lines,
                "weight_decay": [0.0, v.weight_decay],
                "batch_size": [v.small_batch, v.large_batch],
            },
        ),
    }
