"""What `rate_to_batch` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import scatter, trends
from lossatlas.measures import log10

from .claims import rate, sharpness, test_error, train_loss, widths


def figures(v: Values) -> Figures:
    width = widths(v)
    kept = {"batch_size": v.batches}
    return {
        "figure": partial(
            trends,
            measures={
                "largest eigenvalue": sharpness,
                f"width at a rise of {v.level:g}": width,
                "test error": test_error,
            },
            along="ratio",
            by="batch_size",
            at=kept,
        ),
        "rates": partial(scatter, x=rate, y=sharpness, by=["ratio", "batch_size"], at=kept),
        "too_large": partial(
            trends,
            measures={
                "log10 of the training loss": lambda summary: log10(train_loss(summary)),
                "largest eigenvalue": sharpness,
                "test error": test_error,
            },
            along="batch_size",
            by="ratio",
        ),
    }
