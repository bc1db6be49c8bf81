"""What is said of the order in which gradient descent goes through its examples: no source prints a number.

Thresholds are this project's own.
"""

import math
from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference
from lossatlas.experiments import Values
from lossatlas.measures import Measure, at, difference, log10, named, percent, ratio, spread, stacked

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


def noise(shuffled_parts: xr.Dataset, drawn_parts: xr.Dataset, sorted_parts: xr.Dataset) -> xr.DataArray:
    """Of the gradient of so many images of an epoch, relative to that of all: shuffled, with replacement, sorted."""
    surveyed = (shuffled_parts, drawn_parts, sorted_parts)
    return stacked(*(ratio(each["noise"], each["gradient_norm"]) for each in surveyed), over="drawn")


def claims(v: Values) -> Iterator[Claim]:
    end = {"epochs": v.end}
    batch, everything = v.sizes[1], v.sizes[-1]

    def of_batch(
        shuffled_parts: xr.Dataset, drawn_parts: xr.Dataset, sorted_parts: xr.Dataset
    ) -> xr.DataArray:
        found = at(noise(shuffled_parts, drawn_parts, sorted_parts), size=batch)
        return named(log10(found), "log10 of a batch's noise over the gradient's norm")

    def what_an_epoch_averages_out(drawn_parts: xr.Dataset) -> xr.DataArray:
        """Noise of a batch over that of as many images as an epoch has, as a share of sqrt(N / n)."""
        batches = (everything / batch) ** 0.5
        noises = (at(drawn_parts["noise"], size=size) for size in (batch, everything))
        return named(ratio(*noises) / batches, "noise of a batch over an epoch's, over sqrt(N / n)")

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
    start = PLAIN | RESHUFFLED | {"epochs": 1}
    yield PairedDifference(
        "sorted, gradient",
        "The gradient of a batch of sorted images lies further from that of all than a shuffled one's",
        of_batch,
        greater={"drawn": 2},
        lesser={"drawn": 0},
        at=start,
    )
    yield Equivalence(
        "replacement, gradient",
        f"That of a batch that is drawn with replacement lies as far from it, to within {v.apart:.0%}",
        of_batch,
        first={"drawn": 1},
        second={"drawn": 0},
        margin=math.log10(1 + v.apart),
        at=start,
    )
    yield InRange(
        "replacement, epoch",
        "As many images as an epoch has, drawn with replacement, leave a share of sqrt(n / N) of a batch's distance, "
        f"as independent draws do, to within {v.apart:.0%}",
        what_an_epoch_averages_out,
        least=1 - v.apart,
        most=1 + v.apart,
        at=start,
    )
