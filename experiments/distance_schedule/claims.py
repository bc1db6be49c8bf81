"""What the distance-kernel thesis (von Bachmann 2021) says of schedules of the rate beside distance kernels.

The printed numbers are those of MobileNetV2 on CIFAR-10, of its text or read off its figures 4.7 to 4.10: one unseeded
run each.
"""

from collections.abc import Iterator
from functools import partial

import xarray as xr

from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, Paper, Trend, printed
from lossatlas.experiments import Values
from lossatlas.measures import after, at, difference, mean, named, percent, stacked

FIXED, STEP, COSINE = {"schedule": "fixed"}, {"schedule": "step"}, {"schedule": "cosine"}
RESTARTS, HILLS = {"way": 0}, {"way": 1}

of_text = partial(
    printed, source="von Bachmann 2021, text to Fig. 4.7, accuracies of 90 % and of 95 % at most"
)


def drawn(*numbers: float, where: str) -> Paper:
    return printed(*numbers, source=f"von Bachmann 2021, {where}", approximate=True)


def error(history: xr.Dataset) -> xr.DataArray:
    return percent(history["test_error"])


def best(history: xr.Dataset) -> xr.DataArray:
    """Test error of the best epoch."""
    return named(error(history).min("epoch"), "lowest test error along epoch", "%")


def claims(v: Values) -> Iterator[Claim]:
    def end(history: xr.Dataset) -> xr.DataArray:
        return at(history["squared_distance_0"], epoch=v.end)

    def settled(history: xr.Dataset) -> xr.DataArray:
        """Test error in the mean of the last epochs."""
        return mean(after(error(history), epoch=v.before_end), "epoch")

    def validation(history: xr.Dataset) -> xr.DataArray:
        """Of the trunk, which the first cycle is, there is no test error of each epoch."""
        return percent(history["validation_error"])

    def returns(history: xr.Dataset) -> xr.DataArray:
        """By how much a network comes nearer to the checkpoint in the cycle in which it does so least."""
        distance = history["squared_distance_0"]
        falls = [
            difference(distance, first={"epoch": half}, second={"epoch": end})
            for half, end in zip(v.halfway[:3], v.returned[:3], strict=True)
        ]
        named_as_last = falls[0].attrs["long_name"]
        return named(
            stacked(*falls, over="cycle").min("cycle"),
            f"lowest {named_as_last} along cycle",
            distance.attrs.get("units", ""),
        )

    def of_both_ways(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
        """Those of restarts, and those of hills."""
        where = {"model": v.network, "rate": 1}
        return at(values, **where, **COSINE, strength=0), at(values, **where, **FIXED, strength=v.hills)

    def gain(history: xr.Dataset) -> xr.DataArray:
        """What each way gains on validation images from the end of the first cycle to that of the last."""
        ways = of_both_ways(validation(history))
        gains = (difference(way, first={"epoch": v.first}, second={"epoch": v.end}) for way in ways)
        return stacked(*gains, over="way")

    def ends(history: xr.Dataset) -> xr.DataArray:
        ways = of_both_ways(error(history))
        return stacked(*(mean(after(way, epoch=v.before_end), "epoch") for way in ways), over="way")

    def gain_by_hills(history: xr.Dataset) -> xr.DataArray:
        return difference(best(history), first={"strength": v.both}, second={"strength": 0})

    without, hills = {"strength": 0}, {"strength": v.both}
    network = {"model": v.network}
    plain = {**network, **without, "rate": 1}
    restarted = {**network, "rate": 1, **COSINE}
    wrong = {**network, **COSINE, "rate": 10}

    yield PairedDifference(
        "T-4.7 step",
        "Best epoch: a rate that falls in steps, with restarts, errs less than a fixed one",
        best,
        greater=FIXED,
        lesser=STEP,
        at=plain,
        paper=of_text(10, 5),
    )
    yield PairedDifference(
        "T-4.7 cosine",
        "Best epoch: cosine restarts err less than a fixed rate",
        best,
        greater=FIXED,
        lesser=COSINE,
        at=plain,
        paper=of_text(10, 5),
    )
    yield PairedDifference(
        "T-4.7 ends",
        "Mean of the last ten epochs: cosine restarts err less than a fixed rate",
        settled,
        greater=FIXED,
        lesser=COSINE,
        at=plain,
        paper=drawn(10.7, 5.3, where="Fig. 4.7"),
    )
    yield Trend(
        "T-4.7 maxima",
        "With cosine restarts the validation error at the end of a cycle falls from cycle to cycle",
        validation,
        along="epoch",
        among=v.ends,
        decreasing=True,
        at={**plain, **COSINE},
        paper=drawn(6.4, 5.3, 5.0, 5.5, where="Fig. 4.7, at the ends of the cycles"),
    )
    yield InRange(
        "T-4.7 returns",
        "In each of the three cycles of cosine restarts after the checkpoint: from half of the rate to none it comes "
        "back",
        returns,
        least=0,
        at={**plain, **COSINE},
        paper=drawn(56, where="Fig. 4.7, the least of 225 less 300, 375 less 450 and 525 less 600 epochs"),
    )
    yield PairedDifference(
        "T-4.7 distance step",
        "A rate that falls in steps, with restarts, ends nearer to the checkpoint than a fixed one",
        end,
        greater=FIXED,
        lesser=STEP,
        at=plain,
        paper=drawn(777, 539, where="Fig. 4.7, after 600 epochs as drawn"),
    )
    yield PairedDifference(
        "T-4.7 distance cosine",
        "And one that falls along a cosine no farther than that",
        end,
        greater=STEP,
        lesser=COSINE,
        at=plain,
        paper=drawn(539, 351, where="Fig. 4.7, after 600 epochs"),
    )

    yield PairedDifference(
        "T-4.8 gain",
        "From the end of the first cycle to that of the last, cosine restarts gain more on validation images than "
        "hills at a fixed rate",
        gain,
        greater=RESTARTS,
        lesser=HILLS,
        paper=printed(
            1.0, 0.8, source="von Bachmann 2021, text to Fig. 4.8, gains from the first cycle to the last"
        ),
    )
    yield PairedDifference(
        "T-4.8 ends",
        "Mean of the last ten epochs: cosine restarts err less than hills on checkpoints at a fixed rate",
        ends,
        greater=HILLS,
        lesser=RESTARTS,
        paper=drawn(9.2, 5.3, where="Figs. 4.4 and 4.7"),
    )
    yield InRange(
        "T-4.9 best",
        "Best epoch: hills do not improve on cosine restarts by more than 0.1 points",
        gain_by_hills,
        least=-0.1,
        at=restarted,
        paper=drawn(0.45, where="Fig. 4.9, 5.26 less 4.81"),
    )
    yield PairedDifference(
        "T-4.9 distance",
        "Hills carry a network with cosine restarts farther from the checkpoint",
        end,
        greater=hills,
        lesser=without,
        at=restarted,
        paper=drawn(1076, 351, where="Fig. 4.9, after 600 epochs"),
    )

    yield PairedDifference(
        "T-4.10 fixed",
        "Mean of the last ten epochs: a fixed rate that is ten times too high errs more",
        settled,
        greater={"rate": 10},
        lesser={"rate": 1},
        at={**network, **FIXED, **without},
        paper=printed(40, 10, source="von Bachmann 2021, text to Fig. 4.10, accuracies of 60 % and of 90 %"),
    )
    legend = "Fig. 4.10, MobileNetV2 as its legend has it"
    yield PairedDifference(
        "T-4.10 hills",
        "At cosine restarts from a rate ten times too high, hills lower the error at the end",
        error,
        greater=without,
        lesser=hills,
        at={**wrong, "epoch": v.end},
        paper=drawn(18.8, 11.0, where=f"{legend}; ResNet-32 has 7.0 and 9.0"),
    )
    yield Equivalence(
        "T-4.10 maxima",
        "And they keep the error at the ends of the cycles the same, from the first after the checkpoint to the "
        "last, to within 1 point",
        error,
        first={"epoch": v.returned[0]},
        second={"epoch": v.end},
        margin=1.0,
        at={**wrong, **hills},
        paper=drawn(9.9, 11.0, where=legend),
    )
    yield PairedDifference(
        "T-4.10 distance",
        "The network with hills is the one farther from the checkpoint at the end, which tells which curve of the "
        "figure is which",
        end,
        greater=hills,
        lesser=without,
        at=wrong,
        paper=drawn(450, 1143, where=f"{legend}; ResNet-32 has 1105 and 514"),
    )
