"""What a lecture on optimisation says about the length of steps: of momentum, under noise, of RMSProp and Adam.

The conditions on sums of rates are those of Robbins & Monro 1951, the correction of early means that of Kingma & Ba
2015 (arXiv:1412.6980). Numbers that a claim names follow from the rules of the methods; other thresholds are this
project's own.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, PairedRatio
from lossatlas.experiments import Values
from lossatlas.measures import Measure, after, at, mean, named, percent

PIT: dict[str, Any] = {"part": "pit"}
NOISE: dict[str, Any] = {"part": "noise", "setting": 0}
POWERS = {"constant": 0.0, "inverse_time": 1.0, "inverse_sqrt": 0.5}  # of 1 + t, by which rates fall


def x(history: xr.Dataset) -> xr.DataArray:
    return history["validation_x"]


def loss(history: xr.Dataset) -> xr.DataArray:
    """Without noise, at the weights after each epoch."""
    return history["validation_loss"]


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def steps(v: Values) -> Measure:
    def lengths(history: xr.Dataset) -> xr.DataArray:
        """Of each step on the slope, as a multiple of that of plain descent.

        An epoch is a step, and the height the place: that before it is the training loss, that after it is x.
        """
        lengths = at(history["train_loss"] - x(history), part="slope")
        return named(lengths / v.rate, "step over that of plain descent")

    return lengths


def errors_by_multiple(v: Values) -> Measure:
    def errors(summary: xr.Dataset) -> xr.DataArray:
        """Test error of the network at each multiple of a method's best rate."""
        found = [
            at(test_error(summary), part="network", method=method, setting=rates)
            .rename(setting="multiple")
            .assign_coords(multiple=v.multiples)
            for method, rates in v.rates.items()
        ]
        return named(xr.concat(found, xr.Variable("method", list(v.rates))), "test error", "%")

    return errors


def expected_loss(v: Values, power: float) -> xr.DataArray:
    """Mean loss after each epoch, over seeds without end, of balls on a bowl of curvature 1 under noise of variance 1.

    A step w - r (w + noise) makes of the mean square m of a coordinate (1 - r)^2 m + r^2.
    """
    square, squares = (2**2 + 2 * 4 + 4**2) / 3, []  # of a number drawn evenly from between 2 and 4
    for step in range(v.noisy * v.steps):
        rate = v.noisy_rate * (1 + step / v.half) ** -power
        square = (1 - rate) ** 2 * square + rate**2
        squares.append(square)
    ends = np.array(squares).reshape(v.noisy, v.steps)[:, -1]
    return xr.DataArray(v.dimensions * ends / 2, {"epoch": np.arange(1, v.noisy + 1)})


def claims(v: Values) -> Iterator[Claim]:
    lengths, errors = steps(v), errors_by_multiple(v)

    def terminal(history: xr.Dataset) -> xr.DataArray:
        return named(at(lengths(history), epoch=v.slope), "last step over that of plain descent")

    def mean_squares(history: xr.Dataset) -> xr.DataArray:
        """Running mean of squared gradients, all 1, by whose root each step was divided."""
        return 1 / after(lengths(history), epoch=0, until=v.slope) ** 2

    def off_closed_form(history: xr.Dataset) -> xr.DataArray:
        found = at(mean_squares(history), method="rmsprop", setting=v.kept["rmsprop"])
        off = abs(found / (1 - v.kept["rmsprop"] ** found["epoch"]) - 1).max("epoch", skipna=False)
        return named(off, "relative distance of the running mean from 1 - β^t")

    def off_unbiased(history: xr.Dataset) -> xr.DataArray:
        found = at(mean_squares(history), method="adam", setting=v.kept["adam"])
        return named(
            abs(found - 1).max("epoch", skipna=False), "relative distance of the mean of squares from 1"
        )

    def late(history: xr.Dataset) -> xr.DataArray:
        return named(
            mean(after(loss(history), epoch=v.late, until=v.noisy), "epoch"), "mean loss of the later epochs"
        )

    def of_expected(history: xr.Dataset) -> xr.DataArray:
        found = at(late(history), **NOISE)
        over = [
            at(found, method=schedule) / mean(after(expected_loss(v, power), epoch=v.late), "epoch")
            for schedule, power in POWERS.items()
        ]
        return named(xr.concat(over, xr.Variable("method", list(POWERS))), "mean loss over the expected one")

    def settled(history: xr.Dataset) -> xr.DataArray:
        """How far the loss still changes, as a share of the last one."""
        found = after(loss(history), epoch=v.late, until=v.noisy)
        last = at(loss(history), epoch=v.noisy)
        return named(
            (found.max("epoch") - found.min("epoch")) / last, "range of the later losses over the last"
        )

    def end(history: xr.Dataset) -> xr.DataArray:
        return named(at(x(history), epoch=v.rolled), "x in the end")

    def excess(summary: xr.Dataset) -> xr.DataArray:
        found = errors(summary)
        return named(found - at(found, multiple=1), "test error above that at the best rate")

    for momentum in v.momenta:
        speed = 1 / (1 - momentum)
        yield InRange(
            f"terminal velocity, {momentum:g}",
            f"On a slope a momentum of {momentum:g} makes steps {speed:.0f} times as long, to within 1 %",
            terminal,
            least=0.99 * speed,
            most=1.01 * speed,
            at={"method": "momentum", "setting": momentum},
        )
    for name, words, method, width, least, most in (
        ("plain", "Plain descent comes to rest in a narrow pit on its way", "sgd", v.narrow, 1.3, 1.7),
        (
            "momentum",
            "At the same rate momentum passes it, to the bowl's lowest place",
            "momentum",
            v.narrow,
            -0.2,
            0.2,
        ),
        ("wide", "A pit as deep that is four times as wide holds it", "momentum", v.wide, 1.0, 2.0),
        ("slow", "So does the narrow one at a tenth of the rate", "slow", v.narrow, 1.3, 1.7),
        (
            "fast",
            "Plain descent passes the narrow one as well at ten times the rate",
            "fast",
            v.narrow,
            -0.2,
            0.2,
        ),
    ):
        yield InRange(
            f"pit, {name}", words, end, least=least, most=most, at={**PIT, "method": method, "setting": width}
        )
    for name, words, method, margin in (
        (
            "constant",
            "At a constant rate noise keeps the ball as high as its recursion says",
            "constant",
            0.15,
        ),
        ("1/t", "At a rate that falls as 1/t it comes down as that says", "inverse_time", 0.3),
        ("1/sqrt(t)", "And at 1/sqrt(t), whose squares sum up to infinity", "inverse_sqrt", 0.15),
    ):
        yield InRange(
            f"noise, {name}",
            f"{words}, to within {100 * margin:g} %",
            of_expected,
            least=1 - margin,
            most=1 + margin,
            at={"method": method},
        )
    for name, words, greater in (
        (
            "rest",
            "So a rate that falls as 1/t ends at less than a tenth of the height of a constant one",
            "constant",
        ),
        ("short", "A rate whose sum is finite ends ten times as high as 1/t", "exponential"),
    ):
        yield PairedRatio(
            f"noise, {name}",
            words,
            late,
            greater={"method": greater},
            lesser={"method": "inverse_time"},
            factor=10,
            at=NOISE,
        )
    yield InRange(
        "noise, at rest",
        "And there it does rest: its loss changes by less than 1 %",
        settled,
        most=0.01,
        at={**NOISE, "method": "exponential"},
    )
    yield InRange(
        "second moment, RMSProp",
        "RMSProp's mean of squares begins too small, by 1 - β^t, to within 0.1 %",
        off_closed_form,
        most=1e-3,
    )
    yield InRange(
        "second moment, Adam",
        "Adam's is right from the first step on, to within 0.1 %",
        off_unbiased,
        most=1e-3,
    )
    for name, words, multiples in (
        ("grid", "Over rates from a hundredth to ten times the best one", v.multiples),
        ("too small", "At a hundredth of the best rate", v.multiples[:1]),
        ("too large", "At ten times the best rate", v.multiples[-1:]),
    ):
        yield PairedDifference(
            f"rates, {name}",
            f"{words} the test error of plain SGD rises more above the best than Adam's",
            excess,
            greater={"method": "sgd"},
            lesser={"method": "adam"},
            at={"multiple": multiples},
            mean_over=["multiple"],
        )
