"""What Wilson et al. 2017 (arXiv:1705.08292) say of adaptive methods, and Loshchilov & Hutter 2019 of decay under Adam.

The printed errors are those of a VGG on CIFAR-10 by SGD, the best method that does not adapt, and by RMSProp, the best
that does. The second paper is arXiv:1711.05101.
"""

from collections.abc import Iterator
from typing import Any

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, printed
from lossatlas.experiments import Values
from lossatlas.measures import difference, percent

ADAPTIVE = {"adagrad": "AdaGrad", "rmsprop": "RMSProp", "adamw": "Adam"}
WITHOUT_DECAY: dict[str, Any] = {"decay": "gradient", "weight_decay": 0.0}


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def claims(v: Values) -> Iterator[Claim]:
    plain, adaptive = ({"optimizer": method} for method in (v.plain, v.adaptive))
    l2 = {"decay": "gradient", "weight_decay": v.l2}
    decoupled = {"decay": "decoupled", "weight_decay": v.decoupled}

    def excess(summary: xr.Dataset) -> xr.DataArray:
        """Training loss of the adaptive method above that of the other."""
        return difference(summary["train_loss"], first=adaptive, second=plain)

    yield PairedDifference(
        "Wilson",
        "The best adaptive method errs more on the test images than the best that does not adapt",
        test_error,
        greater=adaptive,
        lesser=plain,
        at=WITHOUT_DECAY,
        paper=printed(9.60, 7.65, source="Wilson et al. 2017, VGG on CIFAR-10, RMSProp and SGD"),
    )
    yield InRange(
        "Wilson, training",
        "And its training loss is no larger",
        excess,
        most=0.0,
        at=WITHOUT_DECAY,
    )
    for method, name in ADAPTIVE.items():
        if method != v.adaptive:
            yield PairedDifference(
                f"Wilson, {name}",
                f"{name} errs more than the best method that does not adapt",
                test_error,
                greater={"optimizer": method},
                lesser=plain,
                at=WITHOUT_DECAY,
            )
    yield PairedDifference(
        "decay",
        "Under Adam, decoupled weight decay ends with less test error than L2",
        test_error,
        greater=l2,
        lesser=decoupled,
        at={"optimizer": "adamw"},
    )
    yield PairedDifference(
        "decay at all",
        "And with less than no decay",
        test_error,
        greater=WITHOUT_DECAY,
        lesser=decoupled,
        at={"optimizer": "adamw"},
    )
