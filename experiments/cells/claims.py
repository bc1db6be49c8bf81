"""What the cells of He, Wang & Tao 2020 (arXiv:2003.12236) have to do with trained networks.

They prove what the minima of a cell are like, and measure nothing of trained networks; thresholds are this project's.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, Trend
from lossatlas.experiments import Values
from lossatlas.measures import at, named, percent, ratio

MODES: dict[str, str | int] = {"between": "modes", "strength": 0}
CURVE: dict[str, str | int] = {"between": "curve", "strength": 0}


def switched(activation_patterns: xr.Dataset) -> xr.DataArray:
    """Units, times examples, that differ between the ends."""
    return percent(at(activation_patterns["line_switched"], split="train", line=1))


def crossings(activation_patterns: xr.Dataset) -> xr.DataArray:
    """Crossings on the way, for an example."""
    whole = at(activation_patterns["line_crossings"], split="train", line=1)
    return named(whole / at(activation_patterns["examples"], split="train"), "crossings of an example")


def density(activation_patterns: xr.Dataset) -> xr.DataArray:
    """Crossings, for an example, on a unit of the way."""
    length = activation_patterns["curve_length"]
    return named(
        ratio(crossings(activation_patterns), length), "crossings of an example over the length of the way"
    )


def undone(activation_patterns: xr.Dataset) -> xr.DataArray:
    """Crossings over those that the ends need."""
    needed = at(activation_patterns["line_switched"], split="train", line=1) * activation_patterns[
        "units"
    ].sum("layer")
    return named(
        ratio(crossings(activation_patterns), needed), "crossings over units that differ between the ends"
    )


def distance(path: xr.Dataset) -> xr.DataArray:
    return named(path["end_distance"], "distance of the ends")


def barrier(path: xr.Dataset) -> xr.DataArray:
    return named(at(path["loss_barrier"], split="train"), "barrier of the training loss")


def an_epoch(training: xr.Dataset) -> xr.DataArray:
    """Crossings from one kept epoch to the next, of all examples, over the epochs between."""
    whole = at(training["line_crossings"], split="train")
    apart = whole["line"] - whole["line"].shift(line=1, fill_value=0)
    return named(whole / apart, "crossings an epoch")


def claims(v: Values) -> Iterator[Claim]:
    pushed = {"between": "pushed", "strength": max(v.strengths)}
    epochs = [epoch for epoch in v.snapshots if epoch > 0]

    yield Trend(
        "push",
        "The stronger the push, the more units switch between checkpoint and pushed network",
        switched,
        along="strength",
        among=[0, *v.strengths],
        at={"between": "pushed"},
    )
    yield PairedDifference(
        "push, distance",
        "The strongest push takes a network farther from its checkpoint than networks of two seeds are apart",
        distance,
        greater=pushed,
        lesser=MODES,
    )
    yield PairedDifference(
        "push, units",
        "All the same more units differ between networks of two seeds",
        switched,
        greater=MODES,
        lesser=pushed,
    )
    yield InRange(
        "push, quarter",
        "It makes a quarter of the units or more switch",
        switched,
        least=25,
        at=pushed,
    )
    yield PairedDifference(
        "push, density",
        "On as long a way it crosses fewer cells than the line between the seeds",
        density,
        greater=MODES,
        lesser=pushed,
    )
    yield InRange(
        "push, barrier",
        "Cells are no walls: on that way the training loss rises by no more than 0.1 above both ends",
        barrier,
        most=0.1,
        at=pushed,
    )
    yield PairedDifference(
        "modes, barrier",
        "Between the seeds it rises higher",
        barrier,
        greater=MODES,
        lesser=pushed,
    )
    yield PairedDifference(
        "curve",
        "A trained curve between the seeds crosses more cells than the straight line",
        crossings,
        greater=CURVE,
        lesser=MODES,
    )
    yield PairedDifference(
        "curve, density",
        "More on as long a way, too",
        density,
        greater=CURVE,
        lesser=MODES,
    )
    yield PairedDifference(
        "curve, back",
        "It crosses more of them back again",
        undone,
        greater=CURVE,
        lesser=MODES,
    )
    yield InRange(
        "straight",
        "Of the crossings on a straight line between the seeds a fifth at most is undone",
        undone,
        most=1.25,
        at=MODES,
    )
    yield Trend(
        "training",
        "From epoch to epoch training crosses fewer cells",
        an_epoch,
        along="line",
        among=epochs,
        decreasing=True,
        at=MODES,
    )
    yield InRange(
        "training, end",
        "But does not settle in one: to the end an epoch crosses a hundred or more",
        an_epoch,
        least=100,
        at=MODES | {"line": v.end},
    )
