"""What `weight_growth` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import log10

from .claims import norm, test_error, test_loss, train_loss

NAMES = {
    "method": {
        "none": "nothing",
        "decay": "weight decay",
        "smoothing": "smoothing, all",
        "other_classes": "smoothing, others",
    }
}


def figures(v: Values) -> Figures:
    return {
        "figure": partial(
            trends,
            measures={"norm of the weights": norm},
            along="snapshot",
            by="method",
            names=NAMES,
        ),
        "loss": partial(
            learning_curves,
            measures={"log10 of the training loss": lambda history: log10(train_loss(history))},
            along="epoch",
            by="method",
            at={"epoch": list(range(1, v.end + 1))},
            names=NAMES,
        ),
        "proxy": partial(
            trends, measures={"test loss": test_loss, "test error": test_error}, along="method", names=NAMES
        ),
    }
