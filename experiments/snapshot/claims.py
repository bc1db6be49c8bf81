"""What Huang et al. 2017 (arXiv:1704.00109) say about snapshot ensembles.

The printed errors are those of DenseNet-40 on CIFAR-10 (table 1) and on CIFAR-100 (table 3). "Single" is the last
member of NoCycle, which is the network that plain training at the baseline's schedule ends with.
"""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, Trend, printed
from lossatlas.experiments import Values
from lossatlas.measures import at, change, difference, mean, percent, stacked

TABLE_1 = "Huang et al. 2017, Table 1, DenseNet-40 on CIFAR-10"
RATES = {"0.1": {"method": "snapshot_01"}, "0.2": {"method": "snapshot_02"}}
NOCYCLE, SINGLECYCLE = {"method": "nocycle"}, {"method": "singlecycle"}

printed_in_table_3 = partial(printed, source="Huang et al. 2017, Table 3, DenseNet-40 on CIFAR-100")


def last(ensemble: xr.Dataset) -> xr.DataArray:
    """Error of the last m members together, over their number ``size``."""
    return percent(at(ensemble["error_last"], split="test"))


def gains(ensemble: xr.Dataset, members: int) -> xr.DataArray:
    """What the second and the third of the last members gain, and all others."""
    steps = pairwise([1, 3, members])
    falls = (difference(last(ensemble), first={"size": few}, second={"size": more}) for few, more in steps)
    return stacked(*falls, over="part")


def claims(v: Values) -> Iterator[Claim]:
    def after_restarts(history: xr.Dataset) -> xr.DataArray:
        return change(history["train_loss"], along="epoch", after=v.ends)

    def last_loss(history: xr.Dataset) -> xr.DataArray:
        return at(history["train_loss"], epoch=v.epochs)

    def most_at_first(ensemble: xr.Dataset) -> xr.DataArray:
        return gains(ensemble, v.members)

    def by_cycles(ensemble: xr.Dataset) -> xr.DataArray:
        """Error of all snapshots together: of several cycles in the mean, of the fewest, and of the most."""
        error = percent(at(ensemble["error"], split="test"))
        several = mean(at(error, cycles=v.several), "cycles")
        return stacked(several, at(error, cycles=v.fewest), at(error, cycles=v.most), over="budget")

    same = {"cycles": v.members}
    tabled, drawn, of_table_3 = (
        {**same, **place} for place in (v.table_1, v.figures_2_and_3, v.table_3_and_figure_4)
    )
    everyone = {"size": v.members}
    single: dict[str, Any] = {**NOCYCLE, "size": 1}

    yield InRange(
        "H-F2 cycle ends",
        "At the rate 0.1: after a restart the training loss is higher than at the end of the cycle before it, in the "
        "mean of the restarts",
        after_restarts,
        least=0.0,
        at={**RATES["0.1"], **drawn},
        mean_over=["epoch"],
    )
    yield PairedDifference(
        "H-F2 last loss",
        "The training loss of the standard schedule ends below that of cycles at the rate 0.1",
        last_loss,
        greater=RATES["0.1"],
        lesser=NOCYCLE,
        at=drawn,
    )
    for rate, error in (("0.1", 4.99), ("0.2", 4.84)):
        for name, words, base, printed_error in (
            ("single", "a single network", single, 5.24),
            ("NoCycle", "the members of NoCycle", {**NOCYCLE, **everyone}, 5.2),
            ("SingleCycle", "the networks of SingleCycle", {**SINGLECYCLE, **everyone}, 5.55),
        ):
            yield PairedDifference(
                f"H-T1 {name} {rate}",
                f"The snapshots of cycles at the rate {rate} err less together than {words}",
                last,
                greater=base,
                lesser={**RATES[rate], **everyone},
                at=tabled,
                paper=printed(printed_error, error, source=TABLE_1),
            )
    yield PairedDifference(
        "H-T1 rate",
        "Snapshots of cycles at the rate 0.2 err less together than those at 0.1",
        last,
        greater=RATES["0.1"],
        lesser=RATES["0.2"],
        at={**tabled, **everyone},
        paper=printed(4.99, 4.84, source=f"{TABLE_1}; the rate 0.2 is ahead in 10 of the table's 14 cells"),
    )
    for rate, method in RATES.items():
        yield Trend(
            f"H-F3 falls {rate}",
            f"At the rate {rate}: the error of the last m snapshots falls with m",
            last,
            along="size",
            among=v.sizes,
            decreasing=True,
            at={**method, **drawn},
        )
        yield PairedDifference(
            f"H-F3 most at first {rate}",
            f"At the rate {rate}: most of that is gained by the second and the third snapshot",
            most_at_first,
            greater={"part": 0},
            lesser={"part": 1},
            at={**method, **drawn},
        )
        yield PairedDifference(
            f"H-F3 two {rate}",
            f"At the rate {rate}: the last two snapshots err less together than a single network",
            last,
            greater=single,
            lesser={**method, "size": 2},
            at=drawn,
        )
    several = 21.96  # mean of 22.07, 21.93 and 21.89
    for name, number, budget, error in (("fewest", 2, 1, 22.92), ("most", 10, 2, 22.16)):
        yield PairedDifference(
            f"H-T3 {name}",
            f"4 to 8 cycles at the rate 0.2 end in a lower error of the ensemble, in their mean, than {number}",
            by_cycles,
            greater={"budget": budget},
            lesser={"budget": 0},
            at={**RATES["0.2"], **v.table_3_and_figure_4},
            paper=printed_in_table_3(error, several),
        )
    for rate, method in RATES.items():
        yield PairedDifference(
            f"H-F4 {rate}",
            f"At the rate {rate}: true ensembles of m networks err less than the last m snapshots, in the mean of "
            "m = 2 to 6",
            last,
            greater=method,
            lesser={"method": "independent"},
            at={**of_table_3, "size": v.ensembles},
            mean_over=["size"],
        )
