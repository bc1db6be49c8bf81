"""What first-order optimizers do in a ravine, at a saddle, above a pass, and to a network.

The lecture names no settings and prints no number: thresholds are this project's own, the range of the principal
components' share is that of Li et al. 2018, figure 9.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, PairedRatio
from lossatlas.experiments import Values
from lossatlas.measures import at, bounded, named, percent, slope

PLAIN, MOMENTUM, NESTEROV, ADAGRAD, ADAM = (
    {"optimizer": name} for name in ("plain_sgd", "momentum", "nesterov", "adagrad", "adam")
)
NETWORK = {"ground": "network"}


def steps_to(heights: xr.DataArray, level: float) -> xr.DataArray:
    """Steps after which a ball is below a height for good; at least as many as were taken, where it is not yet.

    >>> heights = xr.DataArray([[5.0, 1.0, 3.0, 1.0], [5.0, 4.0, 3.0, 2.5]], dims=("seed", "epoch"))
    >>> steps_to(heights.assign_coords(epoch=range(4)), level=2.0).values
    array([3., 3.])
    """
    steps = heights["epoch"].astype(np.float64)
    end = steps.where(heights.notnull()).max("epoch")
    above = steps.where(heights >= level).max("epoch")
    return named(
        bounded((above.fillna(-1.0) + 1).clip(max=end), above == end), f"steps to a height of {level:g}"
    )


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def train_loss(summary: xr.Dataset) -> xr.DataArray:
    return summary["train_loss"]


def x(summary: xr.Dataset) -> xr.DataArray:
    return summary["train_x"]


def distance(trajectory: xr.Dataset) -> xr.DataArray:
    """Of the network from its initialisation."""
    travelled = at(trajectory["path_distance"], snapshot=0)
    return named(travelled, "distance from the initialisation")


def sharpness(eigenvalues: xr.Dataset) -> xr.DataArray:
    return named(at(eigenvalues["eigenvalue"], end="largest", rank=1), "largest eigenvalue of the Hessian")


def plane_share(trajectory: xr.Dataset) -> xr.DataArray:
    """Of the path's variance, in its first two principal components."""
    return percent(trajectory["plane_explained_ratio"])


def claims(v: Values) -> Iterator[Claim]:
    def crossing(history: xr.Dataset) -> xr.DataArray:
        return steps_to(history["validation_loss"], v.crossed)

    def leaving(history: xr.Dataset) -> xr.DataArray:
        return steps_to(history["validation_loss"], v.left)

    def growth(history: xr.Dataset) -> xr.DataArray:
        """Exponent of the condition number in the steps."""
        steps = at(crossing(history), ground=[*v.conditions]).rename(ground="condition")
        steps = steps.assign_coords(condition=[*v.conditions.values()])
        return named(
            slope(xr.apply_ufunc(np.log, steps), along="condition", log=True), "power of the condition number"
        )

    ravine = {"ground": "ravine"}
    for name, words, method in (("momentum", "SGD with momentum", MOMENTUM), ("Adam", "Adam", ADAM)):
        yield PairedRatio(
            f"ravine {name}",
            f"{words} crosses a ravine of condition number 100 in less than half of the steps of plain descent",
            crossing,
            greater=PLAIN,
            lesser=method,
            factor=2,
            at=ravine,
        )
    yield PairedRatio(
        "ravine AdaGrad",
        "AdaGrad, which scales each coordinate by itself, takes over ten times as long where the ravine is turned",
        crossing,
        greater=ravine,
        lesser={"ground": "unturned"},
        factor=10,
        at=ADAGRAD,
    )
    yield InRange(
        "condition plain",
        "The steps of plain descent grow as the condition number, to within a tenth in its power",
        growth,
        least=0.9,
        most=1.1,
        at=PLAIN,
    )
    yield PairedDifference(
        "condition momentum",
        "The steps of SGD with momentum grow by a lower power of the condition number than those of plain descent",
        growth,
        greater=PLAIN,
        lesser=MOMENTUM,
    )
    yield PairedRatio(
        "condition 10",
        "In a bowl of condition number 10 plain descent is the faster one: a momentum of 0.9 takes more steps",
        crossing,
        greater=MOMENTUM,
        lesser=PLAIN,
        at={"ground": "ravine_10"},
    )
    yield PairedRatio(
        "saddle AdaGrad",
        "AdaGrad leaves a saddle in fewer steps than plain descent",
        leaving,
        greater=PLAIN,
        lesser=ADAGRAD,
        at={"ground": "saddle"},
    )
    least, most = v.rest
    valley = {"ground": "valley"}
    yield InRange(
        "basin plain",
        "From the slope of a valley, higher than its pass, plain descent comes to rest in the valley",
        x,
        least=least,
        most=most,
        at={**valley, **PLAIN},
    )
    yield InRange(
        "basin momentum",
        "From there, at the same rate, a ball with momentum rolls over the pass at x = 0 into the fall beyond",
        x,
        most=0,
        at={**valley, **MOMENTUM},
    )
    yield PairedRatio(
        "network loss",
        "After as many epochs a network is at a lower training loss with Nesterov momentum than by plain SGD",
        train_loss,
        greater=PLAIN,
        lesser=NESTEROV,
        at=NETWORK,
    )
    yield PairedRatio(
        "network distance",
        "Adam takes a network farther from its initialisation than SGD with Nesterov momentum",
        distance,
        greater=ADAM,
        lesser=NESTEROV,
        at=NETWORK,
    )
    yield PairedRatio(
        "network sharpness",
        "Adam ends where the Hessian's largest eigenvalue is greater than where SGD with Nesterov momentum ends",
        sharpness,
        greater=ADAM,
        lesser=NESTEROV,
        at=NETWORK,
    )
    yield InRange(
        "network dimensions",
        "Two principal components show between 40 and 94 % of the variance of the path of SGD with Nesterov momentum",
        plane_share,
        least=v.shown[0],
        most=v.shown[1],
        at={**NETWORK, **NESTEROV},
    )
    yield Equivalence(
        "network error",
        "Adam and SGD with Nesterov momentum err on as many test images, to within one in a hundred",
        test_error,
        first=ADAM,
        second=NESTEROV,
        margin=1.0,
        at=NETWORK,
    )
