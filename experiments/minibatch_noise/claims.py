"""What a lecture on optimisation says about minibatches: how noisy their gradient and Hessian are, and what it costs.

Of the noise it prints one pair: 10,000 examples in place of 100 take a hundred times the work for a tenth of the error.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference
from lossatlas.experiments import Values
from lossatlas.measures import at, log10, named, ratio

EXAMPLES, FIRST, SECOND = ({"part": part} for part in ("examples", "first", "second"))


def loss(summary: xr.Dataset) -> xr.DataArray:
    return named(log10(summary["train_loss"]), "log10 of the training loss")


def gradient_exponent(gradient: xr.Dataset) -> xr.DataArray:
    return gradient["exponent"]


def hessian_exponent(hessian: xr.Dataset) -> xr.DataArray:
    return hessian["exponent"]


def gradient_noise(gradient: xr.Dataset) -> xr.DataArray:
    """As a multiple of the norm of the gradient, over (size, snapshot)."""
    return named(ratio(gradient["noise"], gradient["gradient_norm"]), "noise of the gradient over its norm")


def hessian_noise(hessian: xr.Dataset) -> xr.DataArray:
    """As a multiple of the Frobenius norm of the Hessian, over (size, snapshot)."""
    return named(ratio(hessian["noise"], hessian["hessian_norm"]), "noise of the Hessian over its norm")


def more_than_gradient(gradient: xr.Dataset, hessian: xr.Dataset) -> xr.DataArray:
    """How many times as large the noise of the Hessian is, each relative to what it is the noise of."""
    return named(
        ratio(hessian_noise(hessian), gradient_noise(gradient)), "relative noise, Hessian over gradient"
    )


def claims(v: Values) -> Iterator[Claim]:
    def saved(gradient: xr.Dataset) -> xr.DataArray:
        """Error of few examples over that of many, were they drawn from a set without end."""
        finite = np.sqrt((1 - v.many / v.images) / (1 - v.few / v.images))
        noise = gradient["noise"]
        return named(
            ratio(at(noise, size=v.few), at(noise, size=v.many)) * finite, "noise of few over that of many"
        )

    def cost_of_few(summary: xr.Dataset) -> xr.DataArray:
        """How much more loss steps by few examples leave than as many by all."""
        few, everything = (at(loss(summary), batch_size=size) for size in (v.small, v.images))
        return named(few - everything, "log10 of the loss by few examples over that by all")

    surveyed = EXAMPLES | {"batch_size": v.batch}
    for name, snapshot, margin in (("start", 0, 0.05), ("end", v.end, 0.1)):
        for what, exponent in (("gradient", gradient_exponent), ("Hessian", hessian_exponent)):
            yield InRange(
                f"{what}, {name}",
                f"At the {name} of training the standard error of the {what} falls as n^-1/2: by an exponent of "
                f"-0.5 ± {margin:g}",
                exponent,
                least=-0.5 - margin,
                most=-0.5 + margin,
                at=surveyed | {"snapshot": snapshot},
            )
    yield InRange(
        "cost-benefit",
        "A hundred times as many examples have a tenth of the error, to within 15 %",
        saved,
        least=8.5,
        most=11.5,
        at=surveyed | {"snapshot": 0},
    )
    for name, snapshot in (("start", 0), ("end", v.end)):
        yield InRange(
            f"noise beside, {name}",
            f"At the {name} the Hessian of one example is noisier than its gradient, each relative to its own norm",
            more_than_gradient,
            least=1,
            at=surveyed | {"snapshot": snapshot, "size": 1},
        )
    for name, more, less, words in (
        ("one", v.batch, 1, "one example have come farther than steps by a minibatch"),
        ("minibatch", v.images, v.batch, "a minibatch have come farther than steps by all"),
    ):
        yield PairedDifference(
            f"examples, {name}",
            f"After as many examples, steps by {words}",
            loss,
            greater={"batch_size": more},
            lesser={"batch_size": less},
            at=EXAMPLES,
        )
    yield PairedDifference(
        "second order",
        "By all examples, steps of the second order come farther than as many of the first",
        loss,
        greater=FIRST,
        lesser=SECOND,
        at={"batch_size": v.images},
    )
    yield PairedDifference(
        "second order, few",
        "Few examples cost steps of the second order more than they cost steps of the first",
        cost_of_few,
        greater=SECOND,
        lesser=FIRST,
    )
