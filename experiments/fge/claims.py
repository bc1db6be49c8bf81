"""What Garipov et al. 2018 (arXiv:1802.10026) say about fast geometric ensembling.

The printed errors are theirs: ResNet-164 on CIFAR-100, table 1 for a budget of B, and the accuracies that the authors'
code prints for 2B and 3B.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, PairedDifference, PairedRatio, printed
from lossatlas.experiments import Values
from lossatlas.measures import at, between_members, by_budget, percent

TABLE_1 = "Garipov et al. 2018, Table 1"
README = "code of Garipov et al. 2018, 100 less the accuracies of its README"
NETWORKS = {1: ("one", "one network"), 2: ("two", "two networks"), 3: ("three", "three networks")}


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
        paper=printed(40, 7, source="Garipov et al. 2018, section 5, about"),
    )
    papers = {
        ("fge", "snapshot", 1): printed(20.9, 20.2, source=TABLE_1),
        ("snapshot", "independent", 1): printed(21.5, 20.9, source=TABLE_1),
        ("fge", "independent", 1): printed(21.5, 20.2, source=TABLE_1),
        ("fge", "independent", 2): printed(19.5, 18.7, source=README),
        ("fge", "independent", 3): printed(18.4, 18.3, source=README),
    }
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
                f"G-T1 {name}, {arms}",
                f"With the budget of {networks}, {text}",
                error,
                greater={"method": worse, "budget": budget},
                lesser={"method": better, "budget": budget},
                paper=papers.get((better, worse, budget)),
            )
