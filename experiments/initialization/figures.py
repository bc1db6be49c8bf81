"""What `initialization` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, learning_curves, trends
from lossatlas.measures import at, percent, stacked

from .claims import LECUN, away_from_one, condition, sharpness, theory, variance

NAMES: Names = {
    "arm": {
        "tanh_orthogonal": "tanh, orthogonal",
        "tanh_gaussian": "tanh, Gaussian",
        "relu_orthogonal": "ReLU, orthogonal",
        "relu_gaussian": "ReLU, Gaussian (Kaiming)",
        LECUN: "relu, gain 1",
    }
    | {name: name for name in ("linear", "relu", "tanh", "sigmoid", "gelu", "silu", "selu")},
    "source": {0: "perceptrons as drawn", 1: "theory, from the first layer on"},
}
DRAWN = ["tanh_orthogonal", "tanh_gaussian", "relu_orthogonal", "relu_gaussian"]
TRAINED = ["tanh_orthogonal", "tanh_gaussian", "relu_gaussian"]


def beside_theory(signals: xr.Dataset) -> xr.DataArray:
    return stacked(variance(signals), theory(signals), over="source")


def singular_values(jacobian: xr.Dataset) -> xr.DataArray:
    """By rank, at the median image."""
    return at(jacobian["singular_value"], split="train").median("example", skipna=False)


def loss_at_end(summary: xr.Dataset) -> xr.DataArray:
    return summary["train_loss"]


def error_at_end(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["train_error"])


def figures(v: Values) -> Figures:
    deep = {"arm": DRAWN, "depth": max(v.perceptron_depths)}
    shown = [LECUN if name == "leaky_relu" else name for name in v.activations]  # leaky ReLU lies on ReLU
    return {
        "figure": partial(
            trends,
            measures={
                "training error": error_at_end,
                "training loss": loss_at_end,
                "largest eigenvalue at the start": sharpness,
            },
            along="depth",
            at={"arm": TRAINED, "depth": v.plain_depths},
            by="arm",
            names=NAMES,
        ),
        "variance": partial(
            learning_curves,
            measures={"variance of a layer": beside_theory},
            along="layer",
            columns="source",
            at={"arm": shown, "depth": v.layers},
            by="arm",
            names=NAMES,
        ),
        "jacobian": partial(
            learning_curves,
            measures={"singular value": singular_values},
            along="rank",
            at=deep,
            by="arm",
            names=NAMES,
        ),
        "isometry": partial(
            trends,
            measures={"typical factor from 1": away_from_one, "condition of the Jacobian": condition},
            along="depth",
            at={"arm": DRAWN, "depth": v.perceptron_depths},
            by="arm",
            names=NAMES,
        ),
    }
