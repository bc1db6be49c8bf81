"""What kernels other than the Gaussian one do, which the draft of 2020 of the distance-kernel thesis leaves open.

It does not try them and prints no numbers. Against a force that pulls back as a spring does, weight decay, a push ends
where s f'(x) / sigma^2 is as steep as that.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, PairedRatio, Trend
from lossatlas.experiments import Values
from lossatlas.measures import after, at, difference, mean, named, percent, ratio

RBF, CAUCHY = {"arm": "rbf"}, {"arm": "cauchy"}
LAPLACE, TANH = {"arm": "laplace"}, {"arm": "tanh"}


def claims(v: Values) -> Iterator[Claim]:
    def distance(history: xr.Dataset) -> xr.DataArray:
        """At the end, in what the log law has for a factor e of the strength."""
        end = at(history["squared_distance_0"], epoch=v.end)
        return named(end * v.per_width, "squared distance 0", "2σ²")

    def gain(history: xr.Dataset) -> xr.DataArray:
        return difference(distance(history), first={"force": "tenfold"}, second={"force": "usual"})

    def to_rbf(history: xr.Dataset) -> xr.DataArray:
        return ratio(distance(history), at(distance(history), **RBF))

    def soon(history: xr.Dataset) -> xr.DataArray:
        return at(history["squared_distance_0"], epoch=v.soon)

    def settled(history: xr.Dataset) -> xr.DataArray:
        """Test error in the mean of the last epochs."""
        return mean(after(percent(history["test_error"]), epoch=v.before_end), "epoch")

    network = {"model": v.network}
    tenfold, usual = {**network, "force": "tenfold"}, {**network, "force": "usual"}

    yield Trend(
        "tails",
        "At tenfold force, the heavier the kernel's tail the farther it pushes",
        distance,
        along="arm",
        among=["tanh", "rbf", "laplace", "cauchy"],
        at=tenfold,
    )
    yield PairedDifference(
        "tails (gain)",
        "Ten times the force gains more with the heaviest tail than with the RBF kernel",
        gain,
        greater=CAUCHY,
        lesser=RBF,
        at=network,
    )
    yield PairedDifference(
        "tails (usual)",
        "At the usual force the RBF kernel pushes farther than the heaviest tail",
        distance,
        greater=RBF,
        lesser=CAUCHY,
        at=usual,
    )
    yield PairedDifference(
        "tanh",
        "The lightest tail pushes least far at either force",
        distance,
        greater=RBF,
        lesser=TANH,
        at=network,
        worst_over=["force"],
    )
    yield PairedRatio(
        "peak",
        "The Laplace kernel, whose force is largest at the checkpoint itself, leaves it first",
        soon,
        greater=LAPLACE,
        lesser=RBF,
        at=usual,
    )
    yield Equivalence(
        "accuracy",
        "At the end the test error is the same with the kernel that pushed farthest as with the RBF kernel, to "
        "within 1 point",
        settled,
        first=CAUCHY,
        second=RBF,
        margin=1.0,
        at=tenfold,
    )
    yield InRange(
        "weights alone",
        "Without biases and normalisation the push is as far, to within a tenth",
        to_rbf,
        least=0.9,
        most=1.1,
        at={**usual, "arm": "weights"},
    )
    for arm, name, text in (
        (
            "relative",
            "relative",
            "A distance relative to the checkpoint's norm, with a width of as large a share of it, pushes as far",
        ),
        (
            "per_layer",
            "per layer",
            "A kernel for each layer, as steep in all as the one of all weights, pushes as far",
        ),
        (
            "travelled",
            "travelled",
            "A width of half of what the network had travelled before pushes as far as the plain one",
        ),
    ):
        words = f"{text}, to within a quarter"
        yield InRange(name, words, to_rbf, least=0.75, most=1.25, at={**usual, "arm": arm})
