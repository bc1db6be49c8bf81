"""What Loshchilov & Hutter 2017 (arXiv:1608.03983) say about warm restarts.

The printed errors are theirs: WRN-28-10 on CIFAR-10, at a first rate of 0.05; of a wider network, WRN-28-20.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, Equivalence, PairedDifference, printed
from lossatlas.experiments import Values
from lossatlas.measures import at, difference, percent

DOUBLING, LATE = {"schedule": "doubling"}, {"schedule": "late"}
LAST, LAST_THREE = {"size": 1}, {"size": 3}


def error(ensemble: xr.Dataset) -> xr.DataArray:
    """Test error of the last networks together, over their number."""
    return percent(at(ensemble["error_last"], split="test"))


def error_of_last(ensemble: xr.Dataset) -> xr.DataArray:
    return at(error(ensemble), **LAST)


def gain(ensemble: xr.Dataset) -> xr.DataArray:
    return difference(error(ensemble), first=LAST, second=LAST_THREE)


def claims(v: Values) -> Iterator[Claim]:
    for name, words, network, errors in (
        ("SGDR restarts", "", v.network, (4.13, 4.03)),
        ("SGDR restarts, wider", "Of the wider network: ", v.wider, (3.96, 3.74)),
    ):
        if network is not None:
            text = "restarts with doubling periods end with less test error than a rate that falls in steps"
            yield PairedDifference(
                name,
                words + (text if words else text.capitalize()),
                error_of_last,
                greater={"schedule": "default"},
                lesser=DOUBLING,
                at=network,
                paper=printed(*errors, source="Loshchilov & Hutter 2017, Table 1, T_0 = 10, T_mult = 2"),
            )
    yield PairedDifference(
        "SGDR ensemble",
        "The networks at the last three restarts of one run err less together than the last of them",
        error,
        greater=LAST,
        lesser=LAST_THREE,
        at={**DOUBLING, **v.network},
        paper=printed(
            4.03, 3.51, source="Loshchilov & Hutter 2017, Table 2, N = 1 run, M = 1 and 3 snapshots"
        ),
    )
    yield Equivalence(
        "SGDR late",
        "Three networks at the end of one period err together as the last of them, to within half of what the restarts "
        "gain in the paper",
        error,
        first=LAST,
        second=LAST_THREE,
        margin=0.26,
        at={**LATE, **v.network},
    )
    yield PairedDifference(
        "SGDR late against restarts",
        "An ensemble of the networks at the restarts gains more over the last one than an ensemble of three late in "
        "one period",
        gain,
        greater=DOUBLING,
        lesser=LATE,
        at=v.network,
    )
