"""What the distance-kernel thesis (von Bachmann 2021) says of several checkpoints, and of their sharing one strength.

The printed numbers are those of MobileNetV2 on CIFAR-10, read off its figures 4.4 to 4.6: one unseeded run each.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, PairedRatio, Paper, Trend, printed
from lossatlas.experiments import Values
from lossatlas.measures import after, at, difference, log10, mean, named, percent, stacked

DIVIDED, UNDIVIDED = {"arm": "divided"}, {"arm": "undivided"}
WITHOUT_DECAY = {"arm": "without_decay"}


def drawn(*numbers: float, where: str) -> Paper:
    return printed(*numbers, source=f"von Bachmann 2021, {where}", approximate=True)


def distance(history: xr.Dataset) -> xr.DataArray:
    return history["squared_distance_0"]


def claims(v: Values) -> Iterator[Claim]:
    def settled(history: xr.Dataset) -> xr.DataArray:
        """Test error in the mean of the last epochs."""
        return mean(after(percent(history["test_error"]), epoch=v.before_end), "epoch")

    def before_second(history: xr.Dataset) -> xr.DataArray:
        return at(distance(history), epoch=v.second)

    def end(history: xr.Dataset) -> xr.DataArray:
        return at(distance(history), epoch=v.end)

    def first_epoch(history: xr.Dataset) -> xr.DataArray:
        """How far each checkpoint is one epoch after it was kept."""
        steps = (at(history[f"squared_distance_{k}"], epoch=epoch) for k, epoch in enumerate(v.after))
        return log10(stacked(*steps, over="checkpoint"))

    def gain(history: xr.Dataset) -> xr.DataArray:
        """What the whole strength for each gains, in what the log law has for three times the strength."""
        apart = named(end(history) * v.per_factor, "squared distance 0", "2σ² ln 3")
        return difference(apart, first=UNDIVIDED, second=DIVIDED)

    network, without = {"model": v.network}, {"strength": 0}
    middle, strong = {"strength": v.middle}, {"strength": v.strong}
    second_epoch, end_epoch = {"epoch": v.second}, {"epoch": v.end}

    yield PairedDifference(
        "T-4.4 strong",
        "With the strongest hills, training ends with less test error than without any",
        settled,
        greater=without,
        lesser=strong,
        at={**network, **DIVIDED},
        paper=drawn(
            10.7,
            9.2,
            where="Figs. 4.1 and 4.4, mean of the last ten epochs; its text has +0.8 % for MobileNetV2, none for "
            "ResNet-32",
        ),
    )
    yield Trend(
        "T-4.5 strength",
        "Before the second checkpoint the first one is farther away the stronger the hill",
        before_second,
        along="strength",
        among=[v.weak, v.middle, v.strong],
        at={**network, **DIVIDED},
        paper=drawn(1629, 3518, 5685, where="Fig. 4.5, after 300 epochs"),
    )
    for name, text, strength, distances in (
        (
            "strong",
            "With the strongest hills: two further checkpoints lower the distance from the first in the long run",
            strong,
            (5685, 4866),
        ),
        ("middle", "With hills of the middle strength: the same", middle, (3518, 2975)),
    ):
        yield PairedDifference(
            f"T-4.5 falls {name}",
            text,
            distance,
            greater=second_epoch,
            lesser=end_epoch,
            at={**network, **DIVIDED, **strength},
            paper=drawn(*distances, where="Fig. 4.5, after 300 and 600 epochs"),
        )
    yield Trend(
        "T-4.5 first epoch",
        "With the strongest hills: in the epoch after a checkpoint the network moves away from it less far, the more "
        "checkpoints there are",
        first_epoch,
        along="checkpoint",
        decreasing=True,
        at={**network, **DIVIDED, **strong},
        paper=drawn(3.45, 2.96, 2.41, where="Fig. 4.5, 2847, 906 and 258 after 151, 301 and 451 epochs"),
    )

    yield PairedDifference(
        "s/K",
        "Of the factor 1/K: where each of three checkpoints keeps the whole strength, the network ends farther from "
        "the first",
        end,
        greater=UNDIVIDED,
        lesser=DIVIDED,
        at={**network, **middle},
    )
    yield InRange(
        "s/K log law",
        "By as much as the log law has it for three times the strength, 2σ² ln 3, to within a half",
        gain,
        least=0.5,
        most=1.5,
        at={**network, **middle},
    )
    yield PairedDifference(
        "s/K whole",
        "Without the factor, further checkpoints do not lower the distance from the first, they raise it",
        distance,
        greater=end_epoch,
        lesser=second_epoch,
        at={**network, **UNDIVIDED, **middle},
    )
    yield PairedDifference(
        "merged mean",
        "One hill of the whole strength on the mean of the checkpoints carries farther from the first than hills on "
        "each",
        end,
        greater={"arm": "mean"},
        lesser=DIVIDED,
        at={**network, **middle},
    )
    yield PairedDifference(
        "merged last",
        "With a hill on the last checkpoint alone the network ends nearer to the first than with hills on each",
        end,
        greater=DIVIDED,
        lesser={"arm": "last"},
        at={**network, **middle},
    )

    yield Trend(
        "T-4.6 rises",
        "Without weight decay, the distance from the first checkpoint rises with each further one",
        distance,
        along="epoch",
        among=[v.second, v.third, v.end],
        at={**network, **WITHOUT_DECAY, **strong},
        paper=drawn(10500, 20000, 30000, where="Fig. 4.6, after 300, 450 and 600 epochs"),
    )
    yield PairedRatio(
        "T-4.6 decay",
        "It is weight decay that holds it, in the end to less than a third",
        end,
        greater=WITHOUT_DECAY,
        lesser=DIVIDED,
        factor=3,
        at={**network, **strong},
        paper=drawn(30140, 4866, where="Figs. 4.6 and 4.5, after 600 epochs"),
    )
    yield PairedRatio(
        "T-4.6 force",
        "And it is the hills that carry it, more than ten times as far as training does that is not pushed",
        end,
        greater=strong,
        lesser=without,
        factor=10,
        at={**network, **WITHOUT_DECAY},
    )
