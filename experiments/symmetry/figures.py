"""What `symmetry` draws: name of the file -> function of the datasets and a caption."""

from collections.abc import Sequence
from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, learning_curves, trends
from lossatlas.measures import at, percent

NAMES: Names = {"alignment": {"before": "units as they are", "after": "units matched"}}
NETWORKS = {"mlp": "perceptron", "vgg9_narrow": "VGG-9", "resnet20": "ResNet-20"}
LINES = {
    "to its shuffled copy, train loss": lambda copy: at(copy["loss"], split="train"),
    "to another network, train loss": lambda independent: at(independent["loss"], split="train"),
}
BY_WIDTH = {
    "barrier of the train loss": lambda independent: at(independent["barrier"], split="train"),
    "barrier of the test error": lambda independent: percent(at(independent["error_barrier"], split="test")),
    "distance of the weights": lambda independent: independent["distance"],
}


def named(network: str, widths: Sequence[float]) -> Names:
    """Networks by their width."""
    return {"width": {width: f"{network} of width {width:g}" for width in widths}}


def figures(v: Values) -> Figures:
    perceptrons = {"model": v.perceptron, "width": v.perceptron_widths}
    convolutional = {"model": v.convolutional, "width": v.convolutional_widths}
    lines = partial(learning_curves, measures=LINES, along="alpha", by="alignment", columns="width")
    widths = partial(trends, measures=BY_WIDTH, along="width", by="alignment", names=NAMES)
    one, other = NETWORKS.get(v.perceptron, v.perceptron), NETWORKS.get(v.convolutional, v.convolutional)
    return {
        "figure": partial(lines, at=perceptrons, names={**NAMES, **named(one, v.perceptron_widths)}),
        "lines_convolutional": partial(
            lines, at=convolutional, names={**NAMES, **named(other, v.convolutional_widths)}
        ),
        "widths": partial(widths, at=perceptrons, xlabel=f"width of the {one}"),
        "widths_convolutional": partial(widths, at=convolutional, xlabel=f"width of the {other}"),
    }
