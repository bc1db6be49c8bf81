"""What is said of flat minima: that weights need to be stored there with less precision than at sharp ones.

The thought is that of Hochreiter & Schmidhuber 1997; that small batches end in flatter minima is Keskar et al. 2017
(arXiv:1609.04836). Neither prints what is compared here, and thresholds are this project's own.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, PairedRatio, Trend
from lossatlas.experiments import Values
from lossatlas.measures import Measure, at, log10, named


def sharpness(eigenvalues: xr.Dataset) -> xr.DataArray:
    return named(at(eigenvalues["eigenvalue"], end="largest", rank=1), "largest eigenvalue of the Hessian")


def rise(compression: xr.Dataset) -> xr.DataArray:
    """Of the training loss from weights as they are to those of fewer bits, over (bits,)."""
    loss = at(compression["loss"], kept=1.0, split="train")
    return named(loss - at(loss, bits=WHOLE), "rise of the training loss")


WHOLE = 32


def bits_needed(v: Values) -> Measure:
    def needed(compression: xr.Dataset) -> xr.DataArray:
        """The fewest bits from which on the loss stays within the tolerance."""
        found = at(rise(compression), bits=sorted(v.bits))
        enough = (found <= v.tolerance).where(found.notnull())
        fails = enough.isel(bits=slice(None, None, -1)).cumprod("bits") == 0  # with so many bits or more
        lowest = (~fails).sum("bits")  # of the numbers of bits, counted from the most
        bits = xr.DataArray([np.inf, *sorted(v.bits, reverse=True)], dims="place")
        return named(bits.isel(place=lowest).where(enough.notnull().all("bits")), "bits that are needed")

    return needed


def claims(v: Values) -> Iterator[Claim]:
    small, *_, large = ({"batch_size": size} for size in v.batch_sizes)

    def at_few(compression: xr.Dataset) -> xr.DataArray:
        return named(log10(at(rise(compression), bits=v.few)), "log10 of the rise of the training loss")

    yield PairedRatio(
        "sharper",
        "Large batches end in sharper minima than small ones in as many epochs",
        sharpness,
        greater=large,
        lesser=small,
    )
    yield PairedDifference(
        "rise",
        f"Rounded to {v.few} bits the sharper ones lose more",
        at_few,
        greater=large,
        lesser=small,
    )
    yield Trend(
        "rise by batch size",
        "And the more so the larger the batches",
        at_few,
        along="batch_size",
        among=v.batch_sizes,
    )
    yield PairedDifference(
        "bits",
        f"They need more bits for a training loss within {v.tolerance:g} of that of whole weights",
        bits_needed(v),
        greater=large,
        lesser=small,
    )
    yield InRange(
        "eight bits",
        "Eight bits are enough for any of them: the loss rises by less than a hundredth",
        lambda compression: named(at(rise(compression), bits=8).max("batch_size"), "largest rise"),
        most=0.01,
    )
