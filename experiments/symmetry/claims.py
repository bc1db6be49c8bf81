"""What is known of networks with their units in another order.

Entezari et al. 2022 (arXiv:2110.06296), Ainsworth et al. 2022 (arXiv:2209.04836). Their numbers are of other networks
and data and none is taken over here.
"""

from collections.abc import Iterator
from typing import Any

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, Trend
from lossatlas.experiments import Values
from lossatlas.measures import at, percent, ratio

BEFORE, AFTER = {"alignment": "before"}, {"alignment": "after"}


def copys_barrier(copy: xr.Dataset) -> xr.DataArray:
    return at(copy["barrier"], split="train")


def barrier(independent: xr.Dataset) -> xr.DataArray:
    return at(independent["barrier"], split="train")


def error_barrier(independent: xr.Dataset) -> xr.DataArray:
    return percent(at(independent["error_barrier"], split="test"))


def share_left(independent: xr.Dataset) -> xr.DataArray:
    """Share of the barrier that matching leaves."""
    return ratio(at(barrier(independent), **AFTER), at(barrier(independent), **BEFORE))


def claims(v: Values) -> Iterator[Claim]:
    lowers: dict[str, Any] = {"greater": BEFORE, "lesser": AFTER, "mean_over": ["width"]}
    for kind, networks, model, widths, widest in (
        ("perceptron", "Perceptrons", v.perceptron, v.perceptron_widths, v.perceptron_widest),
        (
            "batch norm",
            "Convolutional networks with batch norm",
            v.convolutional,
            v.convolutional_widths,
            v.convolutional_widest,
        ),
    ):
        all_widths = {"model": model, "width": widths}
        yield InRange(
            f"same ({kind})",
            f"{networks}: a copy with its units in another order computes the same outputs, to 1e-5 of the largest",
            lambda copy: copy["output_difference"],
            most=v.same,
            at=all_widths,
            mean_over=["width"],
        )
        yield InRange(
            f"copy's barrier ({kind})",
            f"{networks}: on the straight line to such a copy the training loss rises by more than 0.1",
            copys_barrier,
            least=v.barrier,
            at={**all_widths, **BEFORE},
            mean_over=["width"],
        )
        yield InRange(
            f"copy aligned ({kind})",
            f"{networks}: after matching the copy's units to the network's there is no such barrier",
            copys_barrier,
            most=v.vanished,
            at={**all_widths, **AFTER},
            mean_over=["width"],
        )
        yield PairedDifference(
            f"independent ({kind})",
            f"{networks}: matching the units of networks of two seeds lowers the barrier of the training loss between "
            "them",
            barrier,
            **lowers,
            at=all_widths,
        )
        yield PairedDifference(
            f"independent, test error ({kind})",
            f"{networks}: matching lowers the barrier of the test error between networks of two seeds",
            error_barrier,
            **lowers,
            at=all_widths,
        )
        yield PairedDifference(
            f"distance ({kind})",
            f"{networks}: matching brings the weights of networks of two seeds nearer to each other",
            lambda independent: independent["distance"],
            **lowers,
            at=all_widths,
        )
        yield Trend(
            f"width ({kind})",
            f"{networks}: the wider the networks, the smaller is the share of the barrier that matching leaves",
            share_left,
            along="width",
            among=widths,
            decreasing=True,
            at={"model": model},
        )
        yield InRange(
            f"widest ({kind})",
            f"{networks}: of the barrier between the widest networks matching leaves less than a tenth",
            share_left,
            most=0.1,
            at={"model": model, "width": widest},
        )
