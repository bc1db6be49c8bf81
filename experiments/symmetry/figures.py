"""What `symmetry` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import at, percent

NAMES = {"alignment": {"before": "units as they are", "after": "units matched"}}
LINES = {
    "to its shuffled copy, train loss": lambda copy: at(copy["loss"], split="train"),
    "to another network, train loss": lambda independent: at(independent["loss"], split="train"),
}
BY_WIDTH = {
    "barrier of the train loss": lambda independent: at(independent["barrier"], split="train"),
    "barrier of the test error": lambda independent: percent(at(independent["error_barrier"], split="test")),
    "distance of the weights": lambda independent: independent["distance"],
}


def figures(v: Values) -> Figures:
    perceptrons = {"model": v.perceptron, "width": v.perceptron_widths}
    convolutional = {"model": v.convolutional, "width": v.convolutional_widths}
    lines = partial(
        learning_curves, measures=LINES, along="alpha", by="alignment", columns="width", names=NAMES
    )
    widths = partial(trends, measures=BY_WIDTH, along="width", by="alignment", names=NAMES)
    return {
        "figure": partial(lines, at=perceptrons),
        "lines_convolutional": partial(lines, at=convolutional),
        "widths": partial(widths, at=perceptrons),
        "widths_convolutional": partial(widths, at=convolutional),
    }
