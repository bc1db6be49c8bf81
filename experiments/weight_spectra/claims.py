"""What is said of the singular values of weight matrices: a random bulk, and outliers that training makes.

After Martin & Mahoney 2021 (arXiv:1810.01075), whose small networks have a random bulk with spikes ("bulk + spikes"),
and more of them the smaller the batches. No number of theirs is compared; thresholds are this project's own.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, PairedRatio
from lossatlas.experiments import Values
from lossatlas.measures import Measure, at, named, ratio

SMALL, LARGE = ({"batch": batch} for batch in ("small", "large"))


def of_hidden(v: Values, name: str) -> Measure:
    def mean(spectra: xr.Dataset) -> xr.DataArray:
        """Mean over the weights that are followed, by epoch."""
        found = spectra[name].isel(weight=slice(v.hidden)).astype(float)
        return named(
            found.mean("weight", skipna=False), f"{spectra[name].attrs['long_name']}, mean over weights"
        )

    return mean


def largest_of(v: Values) -> Measure:
    def largest(spectra: xr.Dataset) -> xr.DataArray:
        found = spectra["singular_value"].isel(weight=slice(v.hidden), rank=0, drop=True)
        return named(found.mean("weight", skipna=False), "largest singular value, mean over weights")

    return largest


def claims(v: Values) -> Iterator[Claim]:
    first, last = v.epochs[0], v.epochs[-1]
    outliers, bulk, stable_rank = (of_hidden(v, name) for name in ("outliers", "bulk", "stable_rank"))
    largest = largest_of(v)

    def growth(spectra: xr.Dataset) -> xr.DataArray:
        """Of the largest singular value over that of the median one, from the first epoch to the last."""
        relative = largest(spectra) / bulk(spectra)
        return named(
            ratio(at(relative, snapshot=last), at(relative, snapshot=first)),
            "growth of the largest over the median's",
        )

    yield InRange(
        "start",
        "Before training no singular value stands apart from a random matrix's: less than one in two matrices",
        outliers,
        most=0.5,
        at={**SMALL, "snapshot": first},
    )
    yield InRange(
        "outliers",
        "Training makes outliers, one a matrix and more in the mean",
        outliers,
        least=1.0,
        at={**SMALL, "snapshot": last},
    )
    yield InRange(
        "bulk",
        f"The bulk stays behind: the largest singular value grows {v.apart:g} times as much as the median",
        growth,
        least=v.apart,
        at=SMALL,
    )
    yield PairedRatio(
        "stable rank",
        "The stable rank falls",
        stable_rank,
        greater={"snapshot": first},
        lesser={"snapshot": last},
        at=SMALL,
    )
    yield PairedDifference(
        "batches",
        "Small batches make more outliers than large ones in as many epochs",
        outliers,
        greater=SMALL,
        lesser=LARGE,
        at={"snapshot": last},
    )
