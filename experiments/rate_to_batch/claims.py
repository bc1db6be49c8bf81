"""What Jastrzebski et al. 2018 (arXiv:1711.04623) say of the ratio of learning rate to batch size.

Stochastic gradient descent is a discretisation of a stochastic differential equation in which rate and batch size
appear as their ratio alone: it decides how wide the minima are, until steps are too long for the equation. No settings
and numbers of theirs are at hand; thresholds are this project's own.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, PairedRatio, Trend
from lossatlas.experiments import Values
from lossatlas.measures import Measure, at, mean, named, percent, slope


def sharpness(eigenvalues: xr.Dataset) -> xr.DataArray:
    return named(at(eigenvalues["eigenvalue"], end="largest", rank=1), "largest eigenvalue of the Hessian")


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def train_loss(summary: xr.Dataset) -> xr.DataArray:
    return summary["train_loss"]


def rate(summary: xr.Dataset) -> xr.DataArray:
    return named(
        xr.zeros_like(summary["test_error"]) + summary["ratio"] * summary["batch_size"], "learning rate"
    )


def widths(v: Values) -> Measure:
    def width(level_sets: xr.Dataset) -> xr.DataArray:
        """In filter-normalised directions."""
        found = mean(at(level_sets["width"], level=v.level), "direction")
        return named(found, f"width at a rise of {v.level:g}")

    return width


def claims(v: Values) -> Iterator[Claim]:
    width = widths(v)

    def apart(values: xr.DataArray) -> xr.DataArray:
        """The largest value over the smallest among the batches of a ratio, averaged over ratios."""
        among = at(values, batch_size=v.batches)
        factors = among.max("batch_size", skipna=False) / among.min("batch_size", skipna=False)
        return named(mean(factors, "ratio"), "largest over smallest among batch sizes of a ratio")

    def losses_apart(summary: xr.Dataset) -> xr.DataArray:
        return apart(train_loss(summary))

    def sharpness_apart(eigenvalues: xr.Dataset) -> xr.DataArray:
        return apart(sharpness(eigenvalues))

    def widths_apart(level_sets: xr.Dataset) -> xr.DataArray:
        return apart(width(level_sets))

    def departure(eigenvalues: xr.Dataset) -> xr.DataArray:
        """Factor by which the largest batch's eigenvalue is off that of the others, averaged over ratios."""
        found = sharpness(eigenvalues)
        factors = at(found, batch_size=v.largest) / mean(at(found, batch_size=v.batches), "batch_size")
        off = xr.where(factors < 1, 1 / factors, factors)
        return named(mean(off, "ratio"), "factor between the largest batch's eigenvalue and the others'")

    def at_one_rate(eigenvalues: xr.Dataset) -> xr.DataArray:
        """The eigenvalue by batch size, all at the rate that the smallest batches have at the largest ratio."""
        rate = v.ratios[-1] * v.batches[0]
        found = [at(sharpness(eigenvalues), batch_size=size, ratio=rate / size) for size in v.batches]
        return named(
            xr.concat(found, xr.Variable("batch_size", v.batches)), f"largest eigenvalue at the rate {rate:g}"
        )

    def powers(eigenvalues: xr.Dataset) -> xr.DataArray:
        """Sizes of the exponents of the ratio and of the batch size, each averaged over the values of the other."""
        logs = xr.apply_ufunc(np.log, at(sharpness(eigenvalues), batch_size=v.batches))
        axes = ["ratio", "batch_size"]
        found = [abs(mean(slope(logs, along=axis, log=True), other)) for axis, other in (axes, axes[::-1])]
        return named(xr.concat(found, xr.Variable("of", axes)), "size of the exponent")

    below = {"batch_size": v.batches}
    for name, words, measure, falls in (
        ("largest eigenvalue", "the less the largest eigenvalue of the Hessian is", sharpness, True),
        ("width", "the wider the minimum is", width, False),
        ("test error", "the fewer test images are got wrong", test_error, True),
    ):
        yield Trend(
            f"ratio, {name}",
            f"The larger the ratio of rate to batch size, {words}",
            measure,
            along="ratio",
            among=v.ratios,
            decreasing=falls,
            at=below,
            mean_over=["batch_size"],
        )
    yield InRange(
        "same, loss",
        "After the same rate x steps, batches of one ratio are at one training loss, to within 2 %",
        losses_apart,
        most=1.02,
    )
    for name, words, measure, margin in (
        ("largest eigenvalue", "have one largest eigenvalue", sharpness_apart, v.same["largest eigenvalue"]),
        ("width", "are as wide", widths_apart, v.same["width"]),
    ):
        yield InRange(
            f"same, {name}",
            f"Minima of one ratio {words}, to within {100 * margin:g} %",
            measure,
            most=1 + margin,
        )
    yield Equivalence(
        "same, test error",
        "At one ratio the smallest batches get as many test images wrong as four times larger ones, to within 1 point",
        test_error,
        first={"batch_size": v.batches[0]},
        second={"batch_size": v.batches[-1]},
        margin=1.0,
        mean_over=["ratio"],
    )
    yield PairedRatio(
        "same rate",
        "At one rate the largest eigenvalue is less where the batch is smaller",
        at_one_rate,
        greater={"batch_size": v.batches[-1]},
        lesser={"batch_size": v.batches[0]},
    )
    yield PairedDifference(
        "ratio, not batch size",
        "The largest eigenvalue goes by a larger power of the ratio than, at one ratio, of the batch size",
        powers,
        greater={"of": "ratio"},
        lesser={"of": "batch_size"},
    )
    yield InRange(
        "too large, largest eigenvalue",
        f"Batches that are too large leave the rule: their largest eigenvalue is off by more than "
        f"{100 * v.same['largest eigenvalue']:g} %",
        departure,
        least=1 + v.same["largest eigenvalue"],
    )
    for name, words, measure in (
        ("loss", "They are at a higher training loss", train_loss),
        ("test error", "They get more test images wrong", test_error),
    ):
        yield PairedDifference(
            f"too large, {name}",
            f"{words} than the next smaller ones that keep to it",
            measure,
            greater={"batch_size": v.largest},
            lesser={"batch_size": v.batches[-1]},
            mean_over=["ratio"],
        )
