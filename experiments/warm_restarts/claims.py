"""What Loshchilov & Hutter 2017 (arXiv:1608.03983) say about warm restarts.

The printed errors are theirs: WRN-28-10 and, as the wider network, WRN-28-20, at a first rate of 0.05.
"""

from collections.abc import Iterator, Mapping

import xarray as xr

from lossatlas.claims import Claim, Equivalence, PairedDifference, printed
from lossatlas.experiments import Values
from lossatlas.measures import at, difference, percent

DOUBLING, LATE = {"schedule": "doubling"}, {"schedule": "late"}
LAST, LAST_THREE = {"size": 1}, {"size": 3}
ENDS = "restarts with doubling periods end with less test error than a rate that falls in steps"
TOGETHER = "the networks at the last three restarts of one run err less together than the last of them"
OTHERS = {  # of table 1: what the claim is called, of which networks it is, errors in steps and with doubling periods
    "wider": ("SGDR restarts, wider", "Of the wider network", (3.96, 3.74)),
    "cifar100": ("SGDR restarts, CIFAR-100", "On CIFAR-100", (20.21, 19.74)),
    "wider_cifar100": (
        "SGDR restarts, wider, CIFAR-100",
        "Of the wider network on CIFAR-100",
        (19.67, 18.70),
    ),
}
TABLE_1 = "Loshchilov & Hutter 2017, Table 1, T_0 = 10, T_mult = 2"
TABLE_2 = "Loshchilov & Hutter 2017, Table 2, N = 1 run, M = 1 and 3 snapshots"


def error(ensemble: xr.Dataset) -> xr.DataArray:
    """Test error of the last networks together, over their number."""
    return percent(at(ensemble["error_last"], split="test"))


def error_of_last(ensemble: xr.Dataset) -> xr.DataArray:
    return at(error(ensemble), **LAST)


def gain(ensemble: xr.Dataset) -> xr.DataArray:
    return difference(error(ensemble), first=LAST, second=LAST_THREE)


def restarts(name: str, text: str, network: Mapping[str, str], errors: tuple[float, float]) -> Claim:
    return PairedDifference(
        name,
        text,
        error_of_last,
        greater={"schedule": "default"},
        lesser=DOUBLING,
        at=network,
        paper=printed(*errors, source=TABLE_1),
    )


def ensemble(name: str, text: str, network: Mapping[str, str], errors: tuple[float, float]) -> Claim:
    return PairedDifference(
        name,
        text,
        error,
        greater=LAST,
        lesser=LAST_THREE,
        at={**DOUBLING, **network},
        paper=printed(*errors, source=TABLE_2),
    )


def claims(v: Values) -> Iterator[Claim]:
    others = v.others or {}
    yield restarts("SGDR restarts", ENDS.capitalize(), v.network, (4.13, 4.03))
    for place, network in others.items():
        name, words, errors = OTHERS[place]
        yield restarts(name, f"{words}: {ENDS}", network, errors)
    yield ensemble("SGDR ensemble", TOGETHER.capitalize(), v.network, (4.03, 3.51))
    if "cifar100" in others:
        yield ensemble(
            "SGDR ensemble, CIFAR-100", f"On CIFAR-100: {TOGETHER}", others["cifar100"], (19.57, 17.75)
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
