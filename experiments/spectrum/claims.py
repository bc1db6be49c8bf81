"""What Sagun et al. 2017 (arXiv:1706.04454) and Ghorbani et al. 2019 (arXiv:1901.10159) say of the Hessian's spectrum.

A bulk near zero and, once training has begun, outliers, of which there are about as many as classes; with batch norm
hardly any. No numbers of theirs are at hand; thresholds are this project's own.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas import measures
from lossatlas.claims import Claim, InRange, PairedDifference, PairedRatio, Trend
from lossatlas.experiments import Values
from lossatlas.measures import at, named

PLAIN, NORMALISED = {"batch_norm": False}, {"batch_norm": True}


def sharpness(largest: xr.Dataset) -> xr.DataArray:
    """Largest eigenvalue, by epoch."""
    return at(largest["eigenvalue"], end="largest", rank=1)


def gap(largest: xr.Dataset) -> xr.DataArray:
    """Each of the largest eigenvalues over the next, by epoch and rank."""
    values = at(largest["eigenvalue"], end="largest")
    return named(values / values.shift(rank=-1), "eigenvalue over the next")


def non_convexity(largest: xr.Dataset) -> xr.DataArray:
    """Size of the smallest eigenvalue over the largest, by epoch."""
    lowest = at(largest["eigenvalue"], end="smallest", rank=1)
    return named(abs(lowest) / sharpness(largest), "smallest eigenvalue relative to the largest")


def claims(v: Values) -> Iterator[Claim]:
    most = max(v.classes)
    plain, end = {**PLAIN, "classes": most}, {"snapshot": v.end}

    def outliers(largest: xr.Dataset) -> xr.DataArray:
        """How many stand above the widest gap at the end."""
        return measures.outliers(at(largest["eigenvalue"], **end))

    def apart(largest: xr.Dataset) -> xr.DataArray:
        """The gap behind as many eigenvalues as there are classes, less one."""
        return at(gap(largest), rank=most - 1)

    def over_bulk(largest: xr.Dataset) -> xr.DataArray:
        """The largest eigenvalue over that behind that gap."""
        return named(
            sharpness(largest) / at(largest["eigenvalue"], end="largest", rank=most),
            "largest over the bulk's",
        )

    def bulk(density: xr.Dataset) -> xr.DataArray:
        """Share of the eigenvalues that are near zero, of either sign."""
        node, weight = density["node"], density["weight"]
        near = weight.where(abs(node) < v.near * node.max(("probe", "step")), 0.0).where(node.notnull())
        return named(near.sum("step", min_count=1).mean("probe"), "share of the eigenvalues near zero")

    if len(v.classes) > 2:
        yield Trend(
            "outliers, classes",
            "The more classes the more eigenvalues stand apart from the bulk",
            outliers,
            along="classes",
            among=v.classes,
            at=PLAIN,
        )
    else:
        yield PairedDifference(
            "outliers, classes",
            "The more classes the more eigenvalues stand apart from the bulk",
            outliers,
            greater={"classes": most},
            lesser={"classes": min(v.classes)},
            at=PLAIN,
        )
    yield PairedDifference(
        "outliers, number",
        "They are one fewer than classes: the gap behind that rank is wider than that behind the next",
        gap,
        greater={"rank": most - 1},
        lesser={"rank": most},
        at={**plain, **end},
    )
    yield PairedRatio(
        "outliers, training",
        "They come by training: at the start that gap is narrower",
        apart,
        greater=end,
        lesser={"snapshot": 0},
        at=plain,
    )
    yield InRange(
        "bulk",
        "After training nine tenths of the eigenvalues are within 1 % of the largest of zero",
        bulk,
        least=0.9,
        at={**plain, **end},
    )
    yield PairedDifference(
        "bulk, training",
        "At the start fewer are",
        bulk,
        greater=end,
        lesser={"snapshot": 0},
        at=plain,
    )
    yield PairedRatio(
        "negative, training",
        "Training takes the negative curvature away: relative to the largest the smallest eigenvalue is ten times less",
        non_convexity,
        greater={"snapshot": 0},
        lesser=end,
        factor=10,
        at=plain,
    )
    for name, words, measure in (
        ("largest", "the largest eigenvalue is less", sharpness),
        ("isolated", "the largest lies closer to the bulk", over_bulk),
        ("gap", "the gap between outliers and bulk is narrower", apart),
    ):
        yield PairedRatio(
            f"batch norm, {name}",
            f"With batch norm {words} after training",
            measure,
            greater=PLAIN,
            lesser=NORMALISED,
            at={"classes": most, **end},
        )
