"""What notes on optimisation say about learning rates, on bowls and on networks.

They print no numbers; what a bowl does is computed. A loss of an epoch of one step is that before the step.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas import measures
from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, Trend
from lossatlas.experiments import Values
from lossatlas.measures import at, first_below, log10, mean, named, percent, ratio

LINE, BOWL, CONDITION = ({"part": part} for part in ("line", "bowl", "condition"))
DESCENT, WARMED = {"part": "descent"}, {"part": "warmed"}


def growth(history: xr.Dataset) -> xr.DataArray:
    """Decimal logarithm of the last loss over the first; where training was stopped, of that at the stop."""
    losses = history["train_loss"]
    end = losses["epoch"].where(losses.notnull()).max("epoch")
    final = losses.where(losses["epoch"] == end).max("epoch")
    return named(log10(ratio(final, at(losses, epoch=1))), "log10 of the last loss over the first")


def after_a_step(history: xr.Dataset) -> xr.DataArray:
    losses = history["train_loss"]
    return named(ratio(at(losses, epoch=2), at(losses, epoch=1)), "loss after a step over that before")


def sharpness(along_training: xr.Dataset) -> xr.DataArray:
    found = along_training["eigenvalue"].sel(end="largest", rank=1, drop=True)
    return named(found, "largest eigenvalue")


def relative_sharpness(along_training: xr.Dataset) -> xr.DataArray:
    """As a multiple of 2 / rate."""
    found = sharpness(along_training)
    return named(found * found["setting"] / 2, "largest eigenvalue over 2 / rate")


def theory(condition: xr.DataArray) -> xr.DataArray:
    """Factor of the loss in a step of a bowl at its best rate."""
    return ((condition - 1) / (condition + 1)) ** 2


def final_loss(summary: xr.Dataset) -> xr.DataArray:
    return named(log10(summary["train_loss"]), "log10 of the training loss")


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


class Speed:
    """Measures of how fast bowls converge, by their condition number; ``v``: the experiment's values."""

    def __init__(self, v: Values) -> None:
        self.steps: int = v.steps
        self.share: float = v.share

    def factor(self, history: xr.Dataset) -> xr.DataArray:
        """Of the loss in a step, the geometric mean of the first steps."""
        losses = at(history["train_loss"], **CONDITION)
        fall = ratio(at(losses, epoch=1 + self.steps), at(losses, epoch=1))
        return named(fall ** (1 / self.steps), "factor of the loss in a step")

    def needed(self, history: xr.Dataset) -> xr.DataArray:
        """Steps until the loss is the wanted share of the first."""
        losses = at(history["train_loss"], **CONDITION)
        return named(first_below(losses, self.share * at(losses, epoch=1), along="epoch") - 1, "steps")

    def away(self, history: xr.Dataset) -> xr.DataArray:
        """Of the factor from the theory's, relative, at the worst condition number."""
        found = self.factor(history).dropna("setting", how="all")
        gap = abs(found / theory(found["setting"]) - 1).max("setting", skipna=False)
        return named(gap, "relative distance of the factor from ((k - 1) / (k + 1))^2")


def largest_stable(v: Values) -> measures.Measure:
    def multiple(history: xr.Dataset, along_training: xr.Dataset) -> xr.DataArray:
        grown = at(growth(history), setting=v.rates, **DESCENT)
        stable = grown["setting"].where(grown < 0).max("setting")
        largest = measures.bounded(stable, at(grown, setting=v.rates[-1]) < 0)
        at_start = at(sharpness(along_training), snapshot=0, setting=v.rising, **DESCENT)
        return named(largest * at_start / 2, "largest stable rate over 2 / lambda_max at the start")

    return multiple


def claims(v: Values) -> Iterator[Claim]:
    speed, multiple = Speed(v), largest_stable(v)

    def settled(along_training: xr.Dataset) -> xr.DataArray:
        return mean(at(relative_sharpness(along_training), snapshot=v.settled), "snapshot")

    yield InRange(
        "line, optimum",
        "In one dimension a step at the rate 1 / lambda ends at the minimum",
        after_a_step,
        most=1e-9,
        at=LINE | {"setting": 1.0},
    )
    for name, where, words in (
        ("line", LINE, "In one dimension, at {} times the best rate"),
        ("bowl", BOWL, "In ten dimensions, at {} / lambda_max"),
    ):
        yield InRange(
            f"{name}, below",
            words.format(1.9) + ", descent converges",
            growth,
            most=0,
            at=where | {"setting": 1.9},
        )
        yield InRange(
            f"{name}, beyond",
            words.format(2.1) + ", descent diverges",
            growth,
            least=0,
            at=where | {"setting": 2.1},
        )
    yield Trend(
        "condition",
        "The larger the condition number, the more steps descent takes at its best rate",
        speed.needed,
        along="setting",
        among=v.conditions,
    )
    yield InRange(
        "condition, factor",
        "At its best rate a step multiplies the loss by ((k - 1) / (k + 1))^2, k the condition number, to within 1 %",
        speed.away,
        most=0.01,
    )
    yield InRange(
        "network, below",
        "On a network, no rate below 2 / lambda_max at the start diverges",
        multiple,
        least=1,
    )
    yield InRange(
        "network, largest",
        f"On a network the largest stable rate is 2 / lambda_max at the start, to within a factor of {v.within:g}",
        multiple,
        least=1 / v.within,
        most=v.within,
    )
    yield PairedDifference(
        "sharpening",
        "At a small rate descent by all images sharpens",
        sharpness,
        greater={"snapshot": v.settled[-1]},
        lesser={"snapshot": v.early},
        at=DESCENT | {"setting": v.rising},
    )
    for rate in v.edge:
        yield InRange(
            f"edge {rate:g}",
            f"At the rate {rate:g} the largest eigenvalue comes to 2 / rate and stays there, to within a quarter",
            settled,
            least=0.8,
            most=1.25,
            at=DESCENT | {"setting": rate},
        )
    yield PairedDifference(
        "warm-up, sharpness",
        "Warm-up lowers the largest eigenvalue",
        sharpness,
        greater={"snapshot": 0},
        lesser={"snapshot": v.warm},
        at=WARMED | {"setting": v.fast},
    )
    yield PairedDifference(
        "warm-up, rate",
        "With a warm-up a rate trains at which descent diverges without",
        growth,
        greater=DESCENT,
        lesser=WARMED,
        at={"setting": v.fast},
    )
    yield from schedules(v)


def schedules(v: Values) -> Iterator[Claim]:
    """Claims on schedules at equal epochs, each at its best rate."""
    constant = {"part": "constant", "setting": v.chosen["constant"]}
    arms = {name: {"part": name, "setting": rate} for name, rate in v.chosen.items()}
    for name, words in (("step", "falls in steps"), ("cyclical", "goes up and down")):
        yield PairedDifference(
            f"schedule, {name}",
            f"At equal epochs a rate that {words} ends with a smaller training loss than a constant one",
            final_loss,
            greater=constant,
            lesser=arms[name],
        )
    yield Equivalence(
        "schedule, warm-up",
        "At equal epochs warm-up before a constant rate makes no difference to the test error, to within half a point",
        test_error,
        first=constant,
        second=arms["warmup"],
        margin=0.5,
    )
