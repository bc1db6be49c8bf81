"""What `architectures` draws: name of the file -> function of the datasets and a caption."""

from functools import partial
from typing import Any

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import contours, reliefs, trends

from .claims import test_error, train_loss

NAMES = {
    "architecture": {
        "densenet_narrow": "DenseNet, 20 layers",
        "resnet20_noshort_narrow": "ResNet-20 without shortcuts",
        "resnet32_noshort_narrow": "ResNet-32 without shortcuts",
        "resnet80_noshort_narrow": "ResNet-80 without shortcuts",
        "densenet121": "DenseNet-121",
        "resnet56_noshort": "ResNet-56 without shortcuts",
        "resnet110_noshort": "ResNet-110 without shortcuts",
        "resnet156_noshort": "156 layers without shortcuts",
    }
}
MEASURES = {"test error": test_error, "training loss": train_loss}


def figures(v: Values) -> Figures:
    surveyed: dict[str, Any] = {"architecture": [v.dense, v.deep], "rate": [0.1, 0.01]}
    return {
        # as Figure 4 of Li et al. 2018, from above and in three dimensions, as there
        "figure": partial(contours, rows="rate", columns="architecture", at=surveyed, names=NAMES),
        "relief": partial(reliefs, rows="rate", columns="architecture", at=surveyed, names=NAMES),
        "trends": partial(trends, measures=MEASURES, along="rate", by="architecture", names=NAMES),
    }
