"""What second-order methods do at saddles, and what they take against SGD, in steps and in seconds.

Dauphin et al. 2014 (arXiv:1406.2572) and the notes say so without numbers; thresholds are this project's own.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, PairedRatio
from lossatlas.experiments import Values
from lossatlas.measures import at, named

GRADIENT, NEWTON, SADDLE_FREE = ({"method": name} for name in ("gradient", "newton", "saddle_free_newton"))
MINIBATCHES, DESCENT, QUICKPROP, LBFGS = (
    {"method": name} for name in ("minibatches", "descent", "quickprop", "lbfgs")
)
NETWORK = {"ground": "network"}
SADDLES = {"saddle": "a saddle", "monkey_saddle": "a monkey saddle"}


def distance(summary: xr.Dataset) -> xr.DataArray:
    """Of a ball from the saddle, which is at the origin."""
    return named((summary["train_x"] ** 2 + summary["train_y"] ** 2) ** 0.5, "distance from the saddle")


def height(summary: xr.Dataset) -> xr.DataArray:
    return named(summary["train_loss"], "height in the end")


def step_seconds(along_training: xr.Dataset) -> xr.DataArray:
    """Processor time of a step, in the first steps of training."""
    seconds = at(along_training["seconds"], snapshot=0, way="autograd", checkpoints=0)
    return named(seconds, "time of a step", "s")


def steps_below(history: xr.Dataset, level: float) -> xr.DataArray:
    """Steps after which the training loss of an epoch was below a level."""
    steps = history["step"].where(history["train_loss"] < level).min("epoch")
    return named(steps, f"steps to a training loss of {level:g}")


def claims(v: Values) -> Iterator[Claim]:
    def steps(history: xr.Dataset) -> xr.DataArray:
        return steps_below(history, v.level)

    def seconds(history: xr.Dataset, along_training: xr.Dataset) -> xr.DataArray:
        took = steps_below(history, v.level) * step_seconds(along_training)
        return named(took, f"time to a training loss of {v.level:g}", "s")

    for ground, words in SADDLES.items():
        yield InRange(
            f"{words.removeprefix('a ')} Newton",
            f"Newton's method is attracted by {words}, and ends at it",
            distance,
            most=v.near,
            at={"ground": ground, **NEWTON},
        )
        yield InRange(
            f"{words.removeprefix('a ')} saddle-free",
            f"Saddle-free Newton leaves {words} for a minimum",
            height,
            most=v.low,
            at={"ground": ground, **SADDLE_FREE},
        )
        yield PairedDifference(
            f"{words.removeprefix('a ')} descent",
            f"After as many steps near {words} it is lower than plain descent",
            height,
            greater=GRADIENT,
            lesser=SADDLE_FREE,
            at={"ground": ground},
        )
    yield PairedRatio(
        "Quickprop steps",
        "On the whole training set Quickprop takes fewer steps to a training loss than SGD with momentum",
        steps,
        greater=DESCENT,
        lesser=QUICKPROP,
        at=NETWORK,
    )
    yield PairedRatio(
        "L-BFGS steps",
        "L-BFGS takes less than a fifth of the steps of SGD with momentum on the whole training set",
        steps,
        greater=DESCENT,
        lesser=LBFGS,
        factor=v.factor,
        at=NETWORK,
    )
    for name, sgd, words in (
        ("seconds", DESCENT, "on the whole training set"),
        ("seconds, minibatches", MINIBATCHES, "in minibatches"),
    ):
        yield PairedRatio(
            f"Quickprop {name}",
            f"Quickprop takes less time to it than SGD with momentum {words}, on this machine",
            seconds,
            greater=sgd,
            lesser=QUICKPROP,
            at=NETWORK,
        )
        yield PairedRatio(
            f"L-BFGS {name}",
            f"L-BFGS takes more time to it than SGD with momentum {words}, on this machine",
            seconds,
            greater=LBFGS,
            lesser=sgd,
            at=NETWORK,
        )
