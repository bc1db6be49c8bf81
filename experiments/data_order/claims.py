"""What is said of the order in which gradient descent goes through its examples: no source prints a number.

Thresholds are this project's own.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, Equivalence, PairedDifference
from lossatlas.experiments import Values
from lossatlas.measures import Measure, at, difference, log10, named, percent, spread

RESHUFFLED, ONCE, REPLACED, SORTED = (
    {"order": order} for order in ("reshuffled", "shuffled_once", "with_replacement", "sorted")
)
PLAIN, NORM = {"batch_norm": False}, {"batch_norm": True}


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def train_loss(summary: xr.Dataset) -> xr.DataArray:
    return named(log10(summary["train_nll"]), "log10 of the training loss")


def scatter(v: Values) -> Measure:
    def scatter(history: xr.Dataset) -> xr.DataArray:
        """Of the logarithm of the validation loss over the last epochs: what the steps' noise does to the network."""
        late = list(range(v.end - v.late + 1, v.end + 1))
        return spread(
            named(log10(at(history["validation_nll"], epoch=late)), "log10 of the loss"), over="epoch"
        )

    return scatter


def cost_of_sorting(summary: xr.Dataset) -> xr.DataArray:
    """Points of error by which sorted images do worse."""
    return difference(test_error(summary), first=SORTED, second=RESHUFFLED)


def claims(v: Values) -> Iterator[Claim]:
    end = {"epochs": v.end}
    for name, arm, words in (("plain", PLAIN, "Without batch norm"), ("norm", NORM, "With batch norm")):
        yield PairedDifference(
            f"sorted ({name})",
            f"{words} images sorted by class end in a higher test error than reshuffled ones",
            test_error,
            greater=SORTED,
            lesser=RESHUFFLED,
            at=arm | end,
        )
    yield PairedDifference(
        "sorted, statistics",
        "Sorting costs more with batch norm, whose batches then have statistics of one class",
        cost_of_sorting,
        greater=NORM,
        lesser=PLAIN,
        at=end,
    )
    yield Equivalence(
        "once",
        f"Images that are shuffled once do as well as reshuffled ones, to within {v.alike:g} point of test error",
        test_error,
        first=ONCE,
        second=RESHUFFLED,
        margin=v.alike,
        at=PLAIN | end,
    )
    yield PairedDifference(
        "replacement",
        "Drawn with replacement they leave a higher training loss after as many steps",
        train_loss,
        greater=REPLACED,
        lesser=RESHUFFLED,
        at=PLAIN | end,
    )
    yield PairedDifference(
        "replacement, pass",
        "So they do in a single pass, in which a third of the images is not seen",
        train_loss,
        greater=REPLACED,
        lesser=RESHUFFLED,
        at=PLAIN | {"epochs": 1},
    )
    yield PairedDifference(
        "replacement, noise",
        "And the loss scatters more over the last epochs",
        scatter(v),
        greater=REPLACED,
        lesser=RESHUFFLED,
        at=PLAIN | end,
    )
    yield PairedDifference(
        "sorted, noise",
        "It scatters more when images are sorted",
        scatter(v),
        greater=SORTED,
        lesser=RESHUFFLED,
        at=PLAIN | end,
    )
