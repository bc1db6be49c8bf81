"""What `direction_normalization` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas import measures
from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, loss_lines, rescaled_networks, scatter

from .claims import largest_eigenvalue, sharpness, test_error

NAMES: Names = {
    "model": {"vgg9_narrow": "batch norm", "vgg9_li2018": "batch norm", "mlp": "no batch norm"},
    "weight_decay": {0.0: "no weight decay", 0.005: "weight decay 0.005", 0.0005: "weight decay 5e-4"},
}
NORMALIZATIONS = {
    "landscape": {"line": "filter-normalised", "line_layer": "layer-normalised", "line_none": "unnormalised"}
}
TWINS = {"largest eigenvalue": largest_eigenvalue, "Keskar's sharpness": sharpness}


def figures(v: Values) -> Figures:
    def width(line: xr.Dataset) -> xr.DataArray:
        return measures.mean(measures.width(line, level=v.width), "direction")

    convolutional = {"model": v.convolutional}
    against_error = partial(
        scatter,
        y=test_error,
        by=["batch_size", "weight_decay"],
        at=convolutional,
        names=NAMES,
    )
    return {
        "figure": partial(  # twins on lines, and by measures that are no property of the function
            rescaled_networks,
            lines={"filter-normalised": "twins_line", "unnormalised": "twins_line_none"},
            measures=TWINS,
            rows="model",
            at={"weight_decay": v.weight_decay, "batch_size": v.small_batch},
            names=NAMES,
        ),
        "normalizations": partial(  # the appendix of Li et al.
            loss_lines,
            landscapes=["line", "line_layer", "line_none"],
            rows="weight_decay",
            columns="landscape",
            colors="batch_size",
            at={**convolutional, "batch_size": [v.small_batch, v.large_batch]},
            names={**NAMES, **NORMALIZATIONS},
        ),
        "widths": partial(against_error, x=width),
        "widths_unnormalised": partial(against_error, x=measures.on("line_none", width)),
    }
