"""What Li et al. 2018 (arXiv:1712.09913) say about networks without shortcuts and DenseNets (figure 4).

And about the table's errors (L-T2) and networks that do not train (L-txt). Printed numbers are those of CIFAR-10.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, printed
from lossatlas.experiments import Values
from lossatlas.measures import (
    last,
    local_minima,
    most_components,
    negative_curvature,
    percent,
    value_range,
)


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def train_loss(history: xr.Dataset) -> xr.DataArray:
    """As it is trained: the running statistics of a network that does not train make of it anything up to 1e4."""
    return last(history["train_loss"], "epoch")


def claims(v: Values) -> Iterator[Claim]:
    def components(surface: xr.Dataset) -> xr.DataArray:
        return most_components(surface, levels=v.contours)

    deep = {"architecture": v.deep, "rate": v.deep_rate}
    dense = {"architecture": v.dense, "rate": 0.1}
    between_one_and_two = 1.5

    yield InRange(
        "L-F4 DenseNet",
        "What lies below a contour of the DenseNet's surface is one connected region, at every contour level",
        components,
        most=between_one_and_two,
        at=dense,
    )
    yield InRange(
        "L-F4 noshort",
        "What lies below a contour of the deep network without shortcuts falls into several regions, at some contour "
        "level",
        components,
        least=between_one_and_two,
        at=deep,
    )
    yield PairedDifference(
        "L-F4 minima",
        "The surface of the deep network without shortcuts has more local minima than the DenseNet's",
        local_minima,
        greater=deep,
        lesser=dense,
    )
    yield PairedDifference(
        "L-F4 curvature",
        "The surface of the deep network without shortcuts curves down in more places than the DenseNet's",
        negative_curvature,
        greater=deep,
        lesser=dense,
    )
    yield PairedDifference(
        "L-F4 error",
        "The deep network without shortcuts generalises worse than the DenseNet",
        test_error,
        greater=deep,
        lesser=dense,
        paper=printed(
            16.44, source="Li et al. 2018, Fig. 5, ResNet-110 without shortcuts"
        ),  # none of DenseNet
    )
    yield PairedDifference(
        "L-T2",
        "Without shortcuts, the smaller rate of the two gives the lower test error",
        test_error,
        greater={"rate": 0.1},
        lesser={"rate": 0.01},
        at={"architecture": v.tabled},
        paper=printed(
            13.31, 10.83, source="Li et al. 2018, table of losses and errors, ResNet-56 without shortcuts"
        ),
    )
    for rate, words in (
        (0.1, "rate 0.1; its training loss stays near ln 10"),
        (0.01, "rate 0.01 either"),
        (0.001, "rate 0.001 either"),
    ):
        yield InRange(
            f"L-txt {rate}",
            f"The deepest network without shortcuts does not train at {words}",
            train_loss,
            least=2.2,  # ln 10 is 2.303
            most=2.4,
            at={"architecture": v.deepest, "rate": rate},
        )
    yield InRange(
        "L-txt basin",
        "Within the surveyed plane, the basin of the network that trains well rises to a loss of 4 and more",
        value_range,
        least=4.0,
        at=dense,
    )
