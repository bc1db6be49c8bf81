"""What the distance-kernel thesis (von Bachmann 2021, figure 4.13) says of the time that checkpoints take.

And what the closed form of the force makes of it. Its times are read off its figure, medians over the epochs with so
many checkpoints: one run each.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedRatio, Trend, printed
from lossatlas.experiments import Values
from lossatlas.measures import difference, linearity, named, percent, slope

LOOP, CLOSED_FORM = {"way": "autograd"}, {"way": "closed_form"}


def epoch_seconds(step_time: xr.Dataset) -> xr.DataArray:
    return step_time["epoch_seconds"]


def linear(step_time: xr.Dataset) -> xr.DataArray:
    return linearity(step_time["epoch_seconds"], along="checkpoints")


def share(step_time: xr.Dataset) -> xr.DataArray:
    """What the first checkpoint adds to a step, as a share of one without."""
    return difference(percent(step_time["relative"]), first={"checkpoints": 1}, second={"checkpoints": 0})


def per_checkpoint(step_time: xr.Dataset) -> xr.DataArray:
    """Time that a further checkpoint takes."""
    return slope(named(step_time["seconds"] * 1000, "time of a step", "ms"), along="checkpoints")


def claims(v: Values) -> Iterator[Claim]:
    networks = (  # as the ids and the texts name them
        ("first network", "ResNet", {"model": v.first}),
        ("second network", "MobileNetV2", {"model": v.second}),
    )
    for name, network, model in networks:
        yield Trend(
            f"T-4.13 grows, {name}",
            f"The time of a {network}'s epoch grows with the number of checkpoints, the penalty differentiated in a "
            "loop",
            epoch_seconds,
            along="checkpoints",
            at={**LOOP, **model},
        )
    for name, network, model in networks:
        yield InRange(
            f"T-4.13 linear, {name}",
            "It does so along a line, which explains 95 % of the variance over 0 to 10 checkpoints, for the "
            f"{network}",
            linear,
            least=v.linear,
            at={**LOOP, **model},
        )
    for (name, network, model), most, paper in zip(
        networks,
        (v.shares["first"], v.shares["second"]),
        ((14.5, "ResNet-32, 8 of 55 seconds"), (27.8, "MobileNetV2, from 72 to 92 seconds")),
        strict=True,
    ):
        yield InRange(
            f"Closed form, share, {name}",
            f"In closed form the first checkpoint takes a smaller share of a {network}'s step than of an epoch in the "
            "thesis",
            share,
            most=most,
            at={**CLOSED_FORM, **model},
            paper=printed(paper[0], source=f"thesis, figure 4.13, {paper[1]}", approximate=True),
        )
    for name, network, model in networks:
        yield PairedRatio(
            f"Closed form, faster, {name}",
            "A further checkpoint takes five times longer in a loop through autograd than in closed form, or more, for "
            f"the {network}",
            per_checkpoint,
            greater=LOOP,
            lesser=CLOSED_FORM,
            factor=v.faster,
            at=model,
        )
