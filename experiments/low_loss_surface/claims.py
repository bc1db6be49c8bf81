"""What Fort & Jastrzebski 2019 (arXiv:1906.04724) say of several optima: that a surface of low loss joins them.

No numbers of theirs are at hand; thresholds are this project's.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from lossatlas.claims import Claim, InRange, PairedRatio
from lossatlas.experiments import Values
from lossatlas.measures import at, named, percent

FLAT, TRAINED = {"surface": "flat"}, {"surface": "trained"}


def rise(triangle: xr.Dataset) -> xr.DataArray:
    return named(at(triangle["loss_rise"], split="train"), "rise of the training loss")


def mean_loss(triangle: xr.Dataset) -> xr.DataArray:
    return named(at(triangle["loss_mean"], split="train"), "mean training loss")


def middle(triangle: xr.Dataset) -> xr.DataArray:
    """Training loss where all three corners have the same share."""
    shares = np.stack([triangle[name].values for name in "uvw"])  # (corner, point)
    place = int(shares.max(0).argmin())
    return named(at(triangle["loss"], split="train").isel(point=place), "training loss in the middle")


def error_rise(triangle: xr.Dataset) -> xr.DataArray:
    return percent(at(triangle["error_rise"], split="test"))


def claims(v: Values) -> Iterator[Claim]:
    for name, measure, words in (
        ("rise", rise, "rises a quarter as far above the worst corner"),
        ("middle", middle, "is in the middle a quarter"),
        ("mean", mean_loss, "is in the mean a quarter"),
    ):
        yield PairedRatio(
            name,
            f"On the trained surface through three optima the training loss {words} as on the flat triangle, or less",
            measure,
            greater=FLAT,
            lesser=TRAINED,
            factor=1 / v.share,
        )
    yield InRange(
        "error",
        "The test error nowhere rises by more than 5 points above the worst corner",
        error_rise,
        most=v.error,
        at=TRAINED,
    )
