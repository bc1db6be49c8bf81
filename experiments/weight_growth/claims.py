"""What is said of a softmax that is never satisfied: weights that grow while nothing is wrong, and what stops them.

The argument is that of Goodfellow et al. 2016, section 7.5.1: no finite outputs have a cross-entropy of 0 with hard
targets, so that maximum likelihood may enlarge the weights forever; smoothed targets are met by finite ones. No
source prints a number; the least loss with smoothed targets is their entropy, and thresholds are this project's own.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, PairedRatio
from lossatlas.experiments import Values
from lossatlas.measures import Measure, at, log10, named, percent, ratio

NONE, DECAY, SMOOTHING, OTHER_CLASSES = (
    {"method": method} for method in ("none", "decay", "smoothing", "other_classes")
)


def norm(norms: xr.Dataset) -> xr.DataArray:
    """Of all parameters, over the epochs that are kept."""
    return named(norms["norm"], "norm of the weights")


def train_loss(history: xr.Dataset) -> xr.DataArray:
    """What is minimised, without penalties: the cross-entropy with the arm's targets."""
    return named(history["train_loss"], "training loss")


def train_error(history: xr.Dataset) -> xr.DataArray:
    return percent(history["train_error"])


def test_loss(summary: xr.Dataset) -> xr.DataArray:
    return named(summary["test_nll"], "test loss")


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def entropies(smoothing: float, classes: int) -> dict[str, float]:
    """Entropy of the targets of each arm that smooths them, in nats: the least loss that it can have."""
    in_all, in_others = smoothing / classes, smoothing / (classes - 1)
    return {
        "smoothing": entropy(1 - smoothing + in_all, in_all, classes),
        "other_classes": entropy(1 - smoothing, in_others, classes),
    }


def entropy(true: float, other: float, classes: int) -> float:
    """Of shares of the classes: one ``true``, all others ``other``."""
    return float(-true * np.log(true) - (classes - 1) * other * np.log(other))


def growth(v: Values) -> Measure:
    def growth(norms: xr.Dataset) -> xr.DataArray:
        found = norm(norms)
        return named(ratio(at(found, snapshot=v.end), at(found, snapshot=v.later)), "growth of the norm")

    return growth


def above_floor(v: Values) -> Measure:
    """How far the loss at the end is above the entropy of the targets, in percent of it."""

    def excess(history: xr.Dataset) -> xr.DataArray:
        least = entropies(v.smoothing, v.classes)
        loss = at(train_loss(history), epoch=v.end, method=list(least))
        floor = xr.DataArray(list(least.values()), {"method": list(least)}, "method")
        return named(100 * (loss / floor - 1), "training loss above its least", "%")

    return excess


def claims(v: Values) -> Iterator[Claim]:
    def fall(history: xr.Dataset) -> xr.DataArray:
        found = log10(train_loss(history))
        return named(at(found, epoch=v.later) - at(found, epoch=v.end), "fall of log10 of the training loss")

    growing = growth(v)
    yield InRange(
        "settled",
        f"Without regularisation hardly a training image, less than {v.wrong:g} %, is wrong from epoch {v.settled} on",
        lambda history: named(
            at(train_error(history), epoch=list(range(v.settled, v.end + 1))).max("epoch"),
            "largest training error",
            "%",
        ),
        most=v.wrong,
        at=NONE,
    )
    yield PairedRatio(
        "grows",
        "Without regularisation the weights grow on when no image is wrong any more, up to the last epoch",
        norm,
        greater={"snapshot": v.end},
        lesser={"snapshot": v.later},
        at=NONE,
    )
    yield InRange(
        "no floor",
        "Their training loss goes on falling, by a fifth and more in the second half",
        fall,
        least=float(np.log10(1.25)),
        at=NONE,
    )
    for arm, words in ((SMOOTHING, "all classes"), (OTHER_CLASSES, "the other classes")):
        yield InRange(
            f"floor ({words})",
            f"With a share of the targets for {words} the training loss comes to rest, within {v.rest:g} % of the "
            "entropy of the targets",
            above_floor(v),
            most=v.rest,
            at=arm,
        )
    for arm, name, words in (
        (SMOOTHING, "smoothing", "label smoothing"),
        (DECAY, "decay", "weight decay"),
    ):
        yield PairedRatio(
            f"{name} stops",
            f"With {words} the weights grow less than without in the second half, when all are right",
            growing,
            greater=NONE,
            lesser=arm,
        )
        yield PairedRatio(
            f"{name}, size",
            f"With {words} they end smaller",
            norm,
            greater=NONE,
            lesser=arm,
            at={"snapshot": v.end},
        )
    yield Equivalence(
        "both formulas",
        "Which of the two formulas smooths the labels makes a difference of less than 5 % to the size of the weights",
        lambda norms: named(log10(norm(norms)), "log10 of the norm"),
        first=SMOOTHING,
        second=OTHER_CLASSES,
        margin=float(np.log10(1.05)),
        at={"snapshot": v.end},
    )
    yield PairedDifference(
        "proxy, error",
        "With label smoothing the test error is lower than without",
        test_error,
        greater=NONE,
        lesser=SMOOTHING,
    )
    yield PairedDifference(
        "proxy, loss",
        "Its test loss, the likelihood of the true class, is higher: the loss is no proxy of the error between the two",
        test_loss,
        greater=SMOOTHING,
        lesser=NONE,
    )
