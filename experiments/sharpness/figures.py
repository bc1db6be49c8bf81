"""What `sharpness` draws: name of the file -> function of the datasets and a caption."""

from functools import partial
from typing import Any

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import contours, interactive_surfaces, loss_lines, scatter
from lossatlas.measures import at, named, percent

from .width_and_sharpness import width_and_sharpness


def largest_eigenvalue(eigenvalues: xr.Dataset) -> xr.DataArray:
    """lambda_max of the Hessian of the training loss."""
    return named(at(eigenvalues["eigenvalue"], end="largest", rank=1), "largest eigenvalue")


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def figures(v: Values) -> Figures:
    vgg: dict[str, Any] = {"model": v.vgg, "weight_decay": [0.0, v.weight_decay]}
    batches = {"batch_size": [v.small_batch, v.large_batch]}
    resnet = {
        "model": v.resnet,
        "optimizer": "sgd",
        "weight_decay": v.resnet_weight_decay,
        "batch_size": [v.small_batch, v.resnet_large_batch],
    }
    return {
        # as Figures 2 and 3 of Li et al. 2018
        "figure": partial(width_and_sharpness, optimizer="sgd", at=vgg),
        "figure_adam": partial(width_and_sharpness, optimizer="adam", at=vgg),
        "eigenvalues": partial(  # lambda_max, which Keskar et al. call sharp
            scatter,
            x=largest_eigenvalue,
            y=test_error,
            by=["batch_size", "weight_decay"],
            at=vgg | batches | {"optimizer": "sgd"},
        ),
        "resnet_lines": partial(loss_lines, colors="batch_size", at=resnet),  # as Figure 15
        "resnet": partial(contours, columns="batch_size", at=resnet),
        "surface": partial(interactive_surfaces, columns="batch_size", at=vgg | batches),
    }
