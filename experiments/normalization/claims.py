"""What is said of normalisations: curvature, rates and surfaces, small batches, and deconvolution's first epochs.

Small batches are those of Wu & He 2018 (arXiv:1803.08494), ResNet-50 on ImageNet; deconvolution that of Ye et al. 2020
(arXiv:1905.11926), VGG-16 on CIFAR-10. That batch norm trains at higher rates is from Ioffe & Szegedy 2015
(arXiv:1502.03167), that it makes the loss less curved from Santurkar et al. 2018 (arXiv:1805.11604).
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import xarray as xr

from lossatlas.claims import (
    Claim,
    Equivalence,
    PairedDifference,
    PairedRatio,
    RankCorrelation,
    Trend,
    printed,
)
from lossatlas.experiments import Values
from lossatlas.measures import Measure, area, at, bounded, condition_number, difference, named, percent

NONE, BATCH, GROUP, DECONVOLUTION = (
    {"normalization": kind} for kind in ("none", "batch", "group", "deconvolution")
)

wu2018 = partial(printed, source="Wu & He 2018, ResNet-50 on ImageNet")
ye2020 = partial(printed, source="Ye et al. 2020, VGG-16 on CIFAR-10")


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def surveyed(v: Values) -> dict[str, Any]:
    """Where all kinds are trained alike, and surveyed."""
    return {"rate": v.rate, "batch_size": v.batch_size, "epochs": v.medium}


def curvature(v: Values) -> tuple[Measure, Measure]:
    """The largest eigenvalue, and how many times as large it is as a later one."""

    def largest(eigenvalues: xr.Dataset) -> xr.DataArray:
        found = at(eigenvalues["eigenvalue"], end="largest", rank=1, **surveyed(v))
        return named(found, "largest eigenvalue")

    def condition(eigenvalues: xr.Dataset) -> xr.DataArray:
        return condition_number(at(eigenvalues["eigenvalue"], **surveyed(v)), rank=v.bulk)

    return largest, condition


def largest_rate(v: Values) -> Measure:
    """Largest of the swept rates that is usable; NaN where none is, at least the highest where that one is."""

    def largest(summary: xr.Dataset) -> xr.DataArray:
        there = {**surveyed(v), "rate": v.rates, "normalization": v.raced}
        error = percent(
            at(summary["train_error"], **there)
        )  # NaN, which is not below, where training diverged
        rates = error["rate"].where(error < v.usable).max("rate")
        return named(bounded(rates, rates == max(v.rates)), "largest usable rate")

    return largest


def basin(v: Values) -> Measure:
    def basin(surface: xr.Dataset) -> xr.DataArray:
        return at(area(surface, level=v.level), **surveyed(v))

    return basin


def claims(v: Values) -> Iterator[Claim]:
    largest, condition = curvature(v)
    usable = largest_rate(v)
    alike = {"rate": v.rate, "batch_size": v.batch_size}
    small = {"rate": v.rate, "epochs": v.small_epochs}
    fewest, *_, most = v.small_batches
    first, _, longest = v.lengths

    def gain(summary: xr.Dataset) -> xr.DataArray:
        """By how much less deconvolution errs."""
        return difference(test_error(summary), first=BATCH, second=DECONVOLUTION)

    yield PairedRatio(
        "lambda_max",
        "Batch norm makes the largest eigenvalue smaller",
        largest,
        greater=NONE,
        lesser=BATCH,
    )
    yield PairedRatio(
        "condition",
        "Batch norm makes it a smaller multiple of the fifth largest",
        condition,
        greater=NONE,
        lesser=BATCH,
    )
    yield PairedRatio(
        "condition (deconvolution)",
        "Deconvolution makes it a smaller multiple than batch norm does",
        condition,
        greater=BATCH,
        lesser=DECONVOLUTION,
    )
    yield PairedRatio(
        "rate", "With batch norm larger rates are usable than without", usable, greater=BATCH, lesser=NONE
    )
    yield PairedRatio(
        "rate (deconvolution)",
        "With deconvolution larger rates are usable than with batch norm",
        usable,
        greater=DECONVOLUTION,
        lesser=BATCH,
    )
    yield RankCorrelation(
        "rate by lambda_max",
        "Over the kinds, the largest usable rate falls with the largest eigenvalue",
        usable,
        other=largest,
        negative=True,
        at={"normalization": v.raced},
    )
    yield PairedDifference(
        "surface",
        "The filter-normalised basin, where the loss is below 1, is wider with batch norm than without",
        basin(v),
        greater=BATCH,
        lesser=NONE,
    )

    yield Trend(
        "N batch",
        "With batch norm, the error rises as batches shrink",
        test_error,
        along="batch_size",
        among=v.small_batches,
        decreasing=True,
        at={**BATCH, **small},
        paper=wu2018(34.7, 27.3, 23.6),
    )
    yield Equivalence(
        "N group",
        f"With group norm it does not, from the largest batches to the smallest, to within {v.flat:g} points",
        test_error,
        first={"batch_size": fewest},
        second={"batch_size": most},
        margin=v.flat,
        at={**GROUP, **small},
        paper=wu2018(24.1, 24.1),
    )
    yield PairedDifference(
        "N smallest",
        "In the smallest batches batch norm errs more than group norm",
        test_error,
        greater=BATCH,
        lesser=GROUP,
        at={"batch_size": fewest, **small},
        paper=wu2018(34.7, 24.1),
    )
    yield PairedDifference(
        "N largest",
        "In the largest it errs less",
        test_error,
        greater=GROUP,
        lesser=BATCH,
        at={"batch_size": most, **small},
        paper=wu2018(24.1, 23.6),
    )

    for epochs, words, errors in zip(
        v.lengths,
        ("the first epoch", "some epochs", "all epochs"),
        ((100 - 14.12, 100 - 74.18), (100 - 90.07, 100 - 93.25), (100 - 93.58, 100 - 94.56)),
        strict=True,
    ):
        yield PairedDifference(
            f"deconvolution after {words}",
            f"Trained for {words.replace('the first', 'one')}, deconvolution errs less than batch norm",
            test_error,
            greater=BATCH,
            lesser=DECONVOLUTION,
            at={"epochs": epochs, **alike},
            paper=ye2020(*errors),
        )
    yield PairedDifference(
        "deconvolution early",
        "It gains most in the first epoch, more than in the longest training",
        gain,
        greater={"epochs": first},
        lesser={"epochs": longest},
        at=alike,
        paper=ye2020(74.18 - 14.12, 94.56 - 93.58),
    )
