"""What `minibatch_noise` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import log10

from .claims import gradient_noise, hessian_noise

NAMES = {"part": {"first": "gradient descent", "second": "second order"}}


def figures(v: Values) -> Figures:
    surveyed = {"part": "examples", "batch_size": v.batch}
    return {
        "figure": partial(
            trends,
            measures={
                "log10 of noise / norm, gradient": lambda gradient: log10(gradient_noise(gradient)),
                "log10 of noise / norm, Hessian": lambda hessian: log10(hessian_noise(hessian)),
            },
            along="size",
            by="snapshot",
            at=surveyed | {"snapshot": [0, v.end]},
            names=NAMES | {"snapshot": {0: "before training", v.end: "after it"}},
        ),
        "examples": partial(
            learning_curves,
            measures={"training loss": lambda history: history["train_loss"]},
            along="epoch",
            by="batch_size",
            at={"part": "examples", "batch_size": [1, v.batch, v.images], "epoch": list(range(1, v.end + 1))},
        ),
        "orders": partial(
            trends,
            measures={"training loss": lambda summary: summary["train_loss"]},
            along="batch_size",
            by="part",
            at={"part": ["first", "second"], "batch_size": [v.small, v.images]},
            names=NAMES,
        ),
    }
