"""What Li et al. 2018 (arXiv:1712.09913) and Keskar et al. 2017 (arXiv:1609.04836) say about small and large batches.

L-*, with the panel's letter, is of Li et al. The printed numbers are the papers' own (Li: VGG-9 on CIFAR-10, batch 128
against 8192, weight decay 0 or 5e-4; L-F15: ResNet-56, batch 128 against 4096).
"""

from collections.abc import Iterator
from typing import Any

import xarray as xr

from lossatlas import measures
from lossatlas.claims import (
    Claim,
    Equivalence,
    PairedDifference,
    PairedRatio,
    printed,
)
from lossatlas.experiments import Values
from lossatlas.measures import at, last, percent


def weight_norm(history: xr.Dataset) -> xr.DataArray:
    return last(history["weight_norm"], "epoch")


def train_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["train_error"])


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def claims(v: Values) -> Iterator[Claim]:
    def between(interpolation: xr.Dataset) -> xr.DataArray:
        """Width around the small-batch network, at 0, and around the large-batch one, at 1."""
        return measures.width(interpolation, level=v.width, around=[0.0, 1.0])

    def filter_width(line: xr.Dataset) -> xr.DataArray:
        return measures.width(line, level=v.width)

    def area(surface: xr.Dataset) -> xr.DataArray:
        return measures.area(surface, level=v.area)

    def sharpness(sharpness: xr.Dataset) -> xr.DataArray:
        return at(sharpness["sharpness"], epsilon=v.epsilon)

    def figure(panel: str) -> str:
        return f"Li et al. 2018, Fig. {panel}"

    small, large = {"batch_size": v.small_batch}, {"batch_size": v.large_batch}
    resnet_large = {"batch_size": v.resnet_large_batch}
    large_greater: dict[str, Any] = {"greater": large, "lesser": small}
    small_greater: dict[str, Any] = {"greater": small, "lesser": large}
    vgg = {"model": v.vgg}
    without = {**vgg, "optimizer": "sgd", "weight_decay": 0.0}
    decayed = {**vgg, "optimizer": "sgd", "weight_decay": v.weight_decay}
    adam = {**vgg, "optimizer": "adam", "weight_decay": 0.0}
    resnet = {"model": v.resnet, "optimizer": "sgd", "weight_decay": v.resnet_weight_decay}

    yield PairedDifference(
        "L-F2a (i)",
        "Without weight decay, the small-batch minimum is the wider one on the unnormalised line between the two",
        between,
        greater={"around": 0.0},
        lesser={"around": 1.0},
        at={**without, **small},
    )
    yield PairedDifference(
        "L-F2d (ii)",
        "With weight decay, the large-batch minimum is the wider one on that line",
        between,
        greater={"around": 1.0},
        lesser={"around": 0.0},
        at={**decayed, **small},
    )
    for panel, decay, where, errors in (
        ("2a", "Without", without, (11.07, 7.37)),
        ("2d", "With", decayed, (10.19, 6.0)),
    ):
        text = f"{decay} weight decay, small batches generalise better"
        paper = printed(*errors, source=figure(panel))
        yield PairedDifference(f"L-F{panel} (iii)", text, test_error, **large_greater, at=where, paper=paper)
    yield PairedDifference(
        "L-F2b",
        "Without weight decay, small batches end with the larger weights",
        weight_norm,
        **small_greater,
        at=without,
        paper=printed(158, 64, source=figure("2b, read off the picture"), approximate=True),
    )
    yield PairedDifference(
        "L-F2e",
        "With weight decay, small batches end with the smaller weights",
        weight_norm,
        **large_greater,
        at=decayed,
        paper=printed(40, 23, source=figure("2e, read off the picture"), approximate=True),
    )
    yield PairedDifference(
        "L-F2c",
        "Without weight decay, the small-batch weights are spread more widely",
        lambda weights: weights["std"],
        **small_greater,
        at=without,
    )
    yield PairedDifference(
        "L-F2f",
        "With weight decay, the large-batch weights are spread more widely",
        lambda weights: weights["std"],
        **large_greater,
        at=decayed,
    )
    rises = "loss rises more at every |alpha| >= 0.3 of filter-normalised lines"
    for panels, decay, where in (("a,b", "Without", without), ("c,d", "With", decayed)):
        text = f"{decay} weight decay, the large-batch {rises}"
        yield PairedDifference(
            f"L-F3{panels}", text, measures.rise, **large_greater, at=where, worst_over=["alpha"]
        )
    larger = "the small-batch minimum has the larger area below the level on the surface"
    for panels, decay, where in (("e,f", "Without", without), ("g,h", "With", decayed)):
        yield PairedDifference(
            f"L-F3{panels}", f"{decay} weight decay, {larger}", area, **small_greater, at=where
        )

    # Of its errors the SGD row is printed (7.37, 11.07, 6.00, 10.19), the Adam cells were not found.
    four = {**vgg, "weight_decay": [0.0, v.weight_decay], "batch_size": [v.small_batch, v.large_batch]}
    yield PairedDifference(
        "L-T1 error",
        "Adam generalises worse than SGD, over both batch sizes and weight decays",
        test_error,
        greater={"optimizer": "adam"},
        lesser={"optimizer": "sgd"},
        at=four,
        mean_over=["weight_decay", "batch_size"],
    )
    yield PairedDifference(
        "L-T1 width",
        "Adam ends in narrower minima than SGD on filter-normalised lines",
        filter_width,
        greater={"optimizer": "sgd"},
        lesser={"optimizer": "adam"},
        at=four,
        mean_over=["weight_decay", "batch_size", "direction"],
    )

    yield PairedDifference(
        "L-F15 error",
        "Trained with small batches, a residual network generalises better",
        test_error,
        greater=resnet_large,
        lesser=small,
        at=resnet,
        paper=printed(10.59, 5.89, source=figure("15, ResNet-56, batch 4096 and 128")),
    )
    yield PairedDifference(
        "L-F15 line",
        f"The residual network's large-batch {rises}",
        measures.rise,
        greater=resnet_large,
        lesser=small,
        at=resnet,
        worst_over=["alpha"],
    )
    yield PairedDifference(
        "L-F15 area",
        "The residual network's small-batch minimum has the larger area below the level on the surface",
        area,
        greater=small,
        lesser=resnet_large,
        at=resnet,
    )

    yield Equivalence(
        "Keskar (i)",
        "Small and large batches fit the training set equally well, to within one point",
        train_error,
        first=small,
        second=large,
        margin=1.0,
        at=adam,
    )
    keskar = "Keskar et al. 2017, network C2"
    yield PairedDifference(
        "Keskar (ii)",
        "Trained with Adam, small batches generalise better",
        test_error,
        **large_greater,
        at=adam,
        paper=printed(12.74, 10.76, source=f"{keskar}, 100 - test accuracy (87.26 and 89.24)"),
    )
    yield PairedRatio(
        "Keskar (iii)",
        "Trained with Adam, large batches end more than five times sharper",
        sharpness,
        **large_greater,
        factor=5,
        at=adam,
        paper=printed(925.32, 8.68, source=f"{keskar}, epsilon 1e-3, full space"),
    )
    yield PairedRatio(
        "Keskar (iii) SGD",
        "Trained with SGD, large batches end more than five times sharper",
        sharpness,
        **large_greater,
        factor=5,
        at=without,
    )
