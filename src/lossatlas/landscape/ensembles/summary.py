"""Summary of an ensemble on a split, and the dataset that it becomes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from lossatlas.landscape.ensembles.averaging import Average
from lossatlas.landscape.ensembles.diversity import (
    agreement,
    both_wrong,
    correlation,
    disagreement,
    error_products,
)
from lossatlas.landscape.ensembles.scores import scores
from lossatlas.landscape.shapes.grid import axis

Summary = dict[str, Any]
"""Values of one split by variable."""

_Orders = Mapping[str, Sequence[int]]
"""By name, such as "last", the members in the order in which they join the ensemble."""

_PAIR = ("member", "other")


def of_split(
    logits: Tensor,
    targets: Tensor,
    shares: Sequence[float],
    average: Average,
    bins: int,
    orders: _Orders,
) -> Summary:
    """Summary of one split. ``logits``: (M, N, C). ``shares``: what each member counts."""
    summary: Summary = {
        "disagreement": disagreement(logits).numpy(),
        "correlation": correlation(logits).numpy(),
        "both_wrong": both_wrong(logits, targets).numpy(),
        "error_product": error_products(logits, targets).numpy(),
        "agreement": agreement(logits),
        "examples": len(targets),
    }
    of_members = [of_member.log_softmax(-1) for of_member in logits]
    for name, score in scores(bins).items():
        summary[f"member_{name}"] = [score.of(of_member, targets) for of_member in of_members]
    for which, order in orders.items():
        growing = average(logits[list(order)], [shares[member] for member in order])
        of_sizes = [
            {name: score.of(each, targets) for name, score in scores(bins).items()} for each in growing
        ]
        for name in scores(bins):
            summary[f"{name}_{which}"] = [of_size[name] for of_size in of_sizes]
            summary[name] = of_sizes[-1][name]
    return summary


def as_dataset(
    summaries: Sequence[Summary],
    names: Sequence[str],
    apart: Tensor,
    orders: _Orders,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """The splits ``names``, one each of ``summaries``; ``apart``: distances of the members, (M, M)."""
    variables: dict[str, Any] = {}
    about = _about(orders, int(attributes["bins"]))
    for name, (dims, meaning) in about.items():
        values = np.array([of_split[name] for of_split in summaries], dtype=np.float64)
        variables[name] = (("split", *dims), values, {"long_name": meaning, "units": "1"})
    variables["distance"] = (
        _PAIR,
        apart.numpy(),
        {"long_name": "distance of the parameters of two members", "units": "1"},
    )
    if "best" in orders:
        meaning = "member that the best m have and the best m - 1 have not"
        variables["chosen"] = ("size", list(orders["best"]), {"long_name": meaning, "units": "1"})
    members = np.arange(len(apart))
    coordinates = {
        "split": xr.Variable(("split",), list(names), {"long_name": "part of the data"}),
        "member": axis("member", members, "number of the member"),
        "other": axis("other", members, "number of the other member"),
        "size": axis("size", members + 1, "members of the ensemble"),
    }
    return xr.Dataset(variables, coordinates, dict(attributes))


def _about(orders: _Orders, bins: int) -> dict[str, tuple[tuple[str, ...], str]]:
    """Dimensions beside the split, and what it is in words, of each variable of a split."""
    about: dict[str, tuple[tuple[str, ...], str]] = {}
    for name, score in scores(bins).items():
        about[f"member_{name}"] = (("member",), f"{score.meaning} of each member")
        about[name] = ((), f"{score.meaning} of all members")
        for which in orders:
            about[f"{name}_{which}"] = (("size",), f"{score.meaning} of the {which} m members")
    about["disagreement"] = (_PAIR, "share that two members classify differently")
    about["correlation"] = (_PAIR, "correlation of the probabilities of two members")
    about["both_wrong"] = (_PAIR, "share that two members both misclassify")
    about["error_product"] = (_PAIR, "mean inner product of the errors of two members")
    about["agreement"] = ((), "examples that all members classify alike")
    about["examples"] = ((), "examples in the split")
    return about
