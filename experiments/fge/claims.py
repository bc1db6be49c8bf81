"""What Garipov et al. 2018 (arXiv:1802.10026) say about fast geometric ensembling.

The printed errors are theirs, on CIFAR-100: table 1 for a budget of B, and the accuracies that the authors' code prints
for 2B and 3B; of ResNet-164, and where there are others of these.
"""

from collections.abc import Iterator
from typing import Any

import xarray as xr

from lossatlas.claims import Claim, PairedDifference, PairedRatio, printed
from lossatlas.claims.verdict import Paper
from lossatlas.experiments import Values
from lossatlas.measures import Measure, at, between_members, by_budget, percent

TABLE_1 = "Garipov et al. 2018, Table 1"
README = "code of Garipov et al. 2018, 100 less the accuracies of its README"
NAMES = {"vgg16": "VGG-16", "wrn28_10": "WRN-28-10"}
NETWORKS = {1: ("one", "one network"), 2: ("two", "two networks"), 3: ("three", "three networks")}


def _printed(
    one: float, snapshots: float, fge: float, accuracies: dict[int, tuple[float, float]]
) -> dict[Any, Paper]:
    """Errors of a budget of B, and of several as the accuracies of independent networks and of FGE."""
    by_budget = {
        ("fge", "independent", budget): printed(
            round(100 - independent, 1), round(100 - ensemble, 1), source=README
        )
        for budget, (independent, ensemble) in accuracies.items()
    }
    return by_budget | {
        ("fge", "snapshot", 1): printed(snapshots, fge, source=TABLE_1),
        ("snapshot", "independent", 1): printed(one, snapshots, source=TABLE_1),
        ("fge", "independent", 1): printed(one, fge, source=TABLE_1),
    }


PRINTED = {
    "": _printed(21.5, 20.9, 20.2, {2: (80.5, 81.3), 3: (81.6, 81.7)}),
    "VGG-16": _printed(27.4, 26.4, 25.7, {2: (74.8, 76.1), 3: (75.6, 76.6)}),
    "WRN-28-10": _printed(19.2, 17.9, 17.7, {2: (82.4, 82.9), 3: (83.0, 83.2)}),
}


def apart(apart: xr.Dataset) -> xr.DataArray:
    return between_members(apart["distance"])


def claims(v: Values) -> Iterator[Claim]:
    def error(ensemble: xr.Dataset) -> xr.DataArray:
        return percent(by_budget(at(ensemble["error_first"], split="test"), budgets=v.runs))

    yield PairedRatio(
        "G-F3 distance",
        "Members of FGE lie less than half as far apart as snapshots of cyclic annealing",
        apart,
        greater={"method": "snapshot"},
        lesser={"method": "fge"},
        factor=2,
        at=v.place,
        paper=printed(40, 7, source="Garipov et al. 2018, section 5, about"),
    )
    for place, name in [(v.place, ""), *((other, NAMES[other["network"]]) for other in v.others)]:
        yield from at_equal_budgets(error, place, name)


def at_equal_budgets(error: Measure, place: dict[str, str], network: str) -> Iterator[Claim]:
    """Table 1 of a network, at its place among the axes."""
    papers = PRINTED[network]
    for budget, (number, networks) in NETWORKS.items():
        several = budget > 1
        name = "B" if budget == 1 else f"{budget}B"
        snapshots = ("snapshot ensembles err" if several else "a snapshot ensemble errs") + " less than"
        independent = f"an ensemble of the {number}" if several else "that network"
        for arms, text, better, worse in (
            (
                "FGE and snapshots",
                f"FGE errs less than {'snapshot ensembles' if several else 'a snapshot ensemble'}",
                "fge",
                "snapshot",
            ),
            (f"snapshots and {number}", f"{snapshots} {independent}", "snapshot", "independent"),
            (f"FGE and {number}", f"FGE errs less than {independent}", "fge", "independent"),
        ):
            yield PairedDifference(
                f"G-T1 {name}, {arms}" + (f", {network}" if network else ""),
                f"With the budget of {networks}, {text}" + (f" ({network})" if network else ""),
                error,
                greater={"method": worse, "budget": budget},
                lesser={"method": better, "budget": budget},
                at=place,
                paper=papers.get((better, worse, budget)),
            )
