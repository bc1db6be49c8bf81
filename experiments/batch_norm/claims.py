"""What is said of batch norm: that it keeps the inputs of layers from shifting, and that it smooths the loss.

The first is Ioffe & Szegedy 2015 (arXiv:1502.03167, section 3: "internal covariate shift"), the second Santurkar et al.
2018 (arXiv:1805.11604, section 3), who say as well that the first is not so. Neither prints a number that is compared
here; thresholds are this project's own.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from lossatlas.claims import Claim, Equivalence, PairedDifference, PairedRatio
from lossatlas.experiments import Values
from lossatlas.measures import Measure, at, log10, named, percent

NONE: dict[str, str | bool] = {"batch_norm": False, "position": "before"}
BEFORE, AFTER = (dict(NONE) | {"batch_norm": True, "position": position} for position in ("before", "after"))
ARMS = {"none": NONE, "before": BEFORE, "after": AFTER}


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def train_loss(summary: xr.Dataset) -> xr.DataArray:
    return named(log10(summary["train_nll"]), "log10 of the training loss")


def along(values: xr.DataArray, v: Values) -> xr.DataArray:
    """Geometric mean over the epochs that are looked at after the first."""
    return 10 ** log10(at(values, snapshot=v.epochs[1:])).mean("snapshot", skipna=False)


def smoothness(v: Values) -> Measure:
    def smoothness(steps: xr.Dataset) -> xr.DataArray:
        """The largest quotient of the gradient's change and the weights', over the steps."""
        return named(
            along(steps["gradient_quotient"].max("rate", skipna=False), v), "smoothness of the gradient"
        )

    return smoothness


def steepness(v: Values) -> Measure:
    def steepness(steps: xr.Dataset) -> xr.DataArray:
        """The largest quotient of the loss's change and the weights'."""
        return named(
            along(steps["loss_quotient"].max("rate", skipna=False), v), "Lipschitz quotient of the loss"
        )

    return steepness


def unpredictability(v: Values) -> Measure:
    def change(steps: xr.Dataset) -> xr.DataArray:
        """How far the gradient after a step at the rate of training is from that before, in multiples of that."""
        relative = at(steps["gradient_change"], rate=v.rate) / steps["gradient_norm"]
        return named(along(relative, v), "relative change of the gradient in a step")

    return change


def shift(v: Values) -> Measure:
    def shift(signals: xr.Dataset) -> xr.DataArray:
        """Of the mean of a layer's inputs from one look to the next, in standard deviations: over layers and looks."""
        looks = {name: at(signals[name], split="train", snapshot=v.epochs) for name in ("mean", "variance")}
        moved = abs(looks["mean"].diff("snapshot")) / np.sqrt(
            looks["variance"].isel(snapshot=slice(None, -1)).assign_coords(snapshot=v.epochs[1:])
        )
        plain = at(moved, batch_norm=[False])
        of_each = xr.concat([plain, inputs(at(moved, batch_norm=[True]))], "batch_norm", join="outer")
        return named(of_each.mean(["layer", "snapshot"]), "shift of inputs")

    return shift


def inputs(values: xr.DataArray) -> xr.DataArray:
    """Of layers that end in an activation or a normalisation, the second of each pair: what the next weights get."""
    return values.isel(layer=slice(1, None, 2))


def claims(v: Values) -> Iterator[Claim]:
    moved, smooth, steep, unpredictable = shift(v), smoothness(v), steepness(v), unpredictability(v)
    yield PairedRatio(
        "covariate shift",
        "With batch norm before the activation the inputs of layers shift less in training than without",
        moved,
        greater=NONE,
        lesser=BEFORE,
    )
    yield PairedRatio(
        "covariate shift (after)",
        "After the activation, where it is the inputs themselves that it normalises, they shift less than before it",
        moved,
        greater=BEFORE,
        lesser=AFTER,
    )
    for name, measure, words in (
        ("loss", steep, "the loss changes less per length of a step along the gradient"),
        ("gradient", smooth, "the gradient changes less per length of a step"),
        (
            "predictive",
            unpredictable,
            "the gradient after a step at the rate of training is nearer to that before",
        ),
    ):
        yield PairedRatio(
            f"smooth ({name})",
            f"With batch norm {words}, in the mean over training",
            measure,
            greater=NONE,
            lesser=BEFORE,
        )
    yield PairedDifference(
        "faster",
        "With batch norm the training loss is lower after as many epochs at the same rate",
        train_loss,
        greater=NONE,
        lesser=BEFORE,
    )
    yield Equivalence(
        "positions, error",
        f"On which side of the activation makes no difference to the test error, to within {v.alike:g} point",
        test_error,
        first=BEFORE,
        second=AFTER,
        margin=v.alike,
    )
    yield Equivalence(
        "positions, smooth",
        "Nor to the smoothness of the gradient, to within a factor of 2",
        lambda steps: named(log10(smooth(steps)), "log10 of the smoothness"),
        first=BEFORE,
        second=AFTER,
        margin=float(np.log10(2)),
    )
