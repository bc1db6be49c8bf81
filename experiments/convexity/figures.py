"""What `convexity` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas import measures
from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import contours, curvature_maps, scatter

NAMES = {
    "model": {
        "resnet20_narrow": "ResNet-20, with shortcuts",
        "resnet20_noshort_narrow": "ResNet-20, without",
        "densenet_narrow": "DenseNet of 20 layers",
        "resnet56": "ResNet-56, with shortcuts",
        "resnet56_noshort": "ResNet-56, without",
        "densenet121": "DenseNet-121",
    }
}


def figures(v: Values) -> Figures:
    return {
        "figure": partial(curvature_maps, columns="model", names=NAMES),  # as Figure 7 of Li et al. 2018
        "contours": partial(contours, columns="model", names=NAMES),  # of the same networks on the same plane
        "scatter": partial(
            scatter, x=measures.negative_curvature, y=measures.mean_over_plane, by="model", names=NAMES
        ),
    }
