"""What the distance-kernel thesis (von Bachmann 2021) and its draft of 2020 ask of a pushed network, and guess.

Whether it leaves its basin, for one that is as good, whether it keeps its direction, what a falling rate does. The
draft prints no numbers on these.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, Trend
from lossatlas.experiments import Values
from lossatlas.measures import after, at, last, linearity, mean, named, percent, ratio, stacked

BEFORE, AFTER = {"alignment": "before"}, {"alignment": "after"}
UNDISTURBED: dict[str, Any] = {"arm": "hill", "strength": 0}


def barrier(to_checkpoint: xr.Dataset) -> xr.DataArray:
    """On the straight line to the checkpoint."""
    return at(to_checkpoint["barrier"], split="train", **BEFORE)


def matched_barrier(to_checkpoint: xr.Dataset) -> xr.DataArray:
    """After the checkpoint's units have been matched to the network's."""
    return at(to_checkpoint["barrier"], split="train", **AFTER)


def wrong_on_the_way(to_checkpoint: xr.Dataset) -> xr.DataArray:
    """Largest training error on the straight line, in percent."""
    return percent(at(to_checkpoint["error"], split="train", **BEFORE).max("alpha"))


def seeds_barrier(to_other_seed: xr.Dataset) -> xr.DataArray:
    """Between an undisturbed network and the checkpoint of another seed."""
    return at(to_other_seed["barrier"], split="train", **UNDISTURBED)


def relative_barrier(to_checkpoint: xr.Dataset, to_other_seed: xr.Dataset) -> xr.DataArray:
    """As a multiple of that between networks of two seeds."""
    between = at(seeds_barrier(to_other_seed), **BEFORE)
    return named(ratio(barrier(to_checkpoint), between), "barrier over that between seeds")


def share_left(to_checkpoint: xr.Dataset) -> xr.DataArray:
    """Share of the barrier that matching leaves."""
    return named(ratio(matched_barrier(to_checkpoint), barrier(to_checkpoint)), "share of the barrier left")


def seeds_share_left(to_other_seed: xr.Dataset) -> xr.DataArray:
    """The same of the barrier between networks of two seeds."""
    found = seeds_barrier(to_other_seed)
    return named(ratio(at(found, **AFTER), at(found, **BEFORE)), "share of the barrier left")


def disagreement(pair: xr.Dataset) -> xr.DataArray:
    """Test images that the network and its checkpoint classify differently, in percent."""
    return percent(at(pair["disagreement"], split="test", member=0, other=1))


def seeds_disagreement(seeds: xr.Dataset) -> xr.DataArray:
    """Test images that networks of two seeds classify differently, in percent."""
    return at(disagreement(seeds), **UNDISTURBED)


def likelihood(members: xr.Dataset) -> xr.DataArray:
    """Negative log-likelihood of all that a network left behind, and the last, together."""
    return named(at(members["nll"], split="test"), "test NLL of four members")


def gain(members: xr.Dataset) -> xr.DataArray:
    """By how much it is lower than that of the members in the mean."""
    alone = mean(at(members["member_nll"], split="test"), "member")
    return named(alone - at(members["nll"], split="test"), "gain in test NLL")


def kept_direction(travel: xr.Dataset, *, number: int = 1) -> xr.DataArray:
    """Cosine between the ways from the checkpoint to a network that was kept and to the last one.

    By the law of cosines of their distances; member 0 is the checkpoint, ``number`` the one that was kept.
    """
    squares = travel["distance"] ** 2
    end = int(squares["member"].max())
    there = at(squares, member=0, other=number)
    whole, rest = at(squares, member=0, other=end), at(squares, member=number, other=end)
    return named((there + whole - rest) / (2 * np.sqrt(there * whole)), "cosine of early and whole way")


def distance(history: xr.Dataset) -> xr.DataArray:
    """Squared, from the checkpoint, at the end."""
    return last(history["squared_distance_0"], "epoch")


def claims(v: Values) -> Iterator[Claim]:
    def error(history: xr.Dataset) -> xr.DataArray:
        """Test error in the mean of the last epochs."""
        return mean(after(percent(history["test_error"]), epoch=v.settled), "epoch")

    def straightness(history: xr.Dataset) -> xr.DataArray:
        """Share of the squared distance's variance over the epochs after the checkpoint that a line explains."""
        return linearity(after(history["squared_distance_0"], epoch=v.checkpoint), along="epoch")

    def of_falling(history: xr.Dataset) -> xr.DataArray:
        constant, falling = (at(distance(history), arm=arm, strength=v.middle) for arm in ("hill", "falling"))
        return named(ratio(falling, constant), "squared distance, falling over constant rate")

    def of_narrow(history: xr.Dataset) -> xr.DataArray:
        narrow = at(distance(history), arm="narrow", strength=v.weak)
        return named(
            ratio(narrow, at(distance(history), **UNDISTURBED)), "squared distance, narrow over none"
        )

    def of_seeds_and_pushed(pair: xr.Dataset, seeds: xr.Dataset) -> xr.DataArray:
        pushed = at(disagreement(pair), arm="hill", strength=v.strong)
        return stacked(seeds_disagreement(seeds), pushed, over="of")

    weak, middle, strong = ({"arm": "hill", "strength": s} for s in (v.weak, v.middle, v.strong))
    random, several = ({"arm": arm, "strength": v.strong} for arm in ("random", "several"))
    attraction, wider = ({"arm": arm, "strength": v.middle} for arm in ("attraction", "wider"))
    wide: dict[str, Any] = {"arm": "wide_network", "strength": v.wide_strength}

    yield Trend(
        "barrier",
        "The stronger the kernel, the higher the barrier between the pushed network and its checkpoint",
        barrier,
        along="strength",
        among=v.strengths,
        at={"arm": "hill"},
    )
    yield InRange(
        "stays",
        f"At the strength {v.weak} it is less than a tenth of that between networks of two seeds",
        relative_barrier,
        most=0.1,
        at=weak,
    )
    for name, words, where in (
        ("leaves", f"At the strength {v.strong} it is higher than that", strong),
        ("leaves, several", f"So it is where three checkpoints share the strength {v.strong}", several),
    ):
        yield InRange(name, words, relative_barrier, least=1.0, at=where)
    yield Equivalence(
        "as good",
        f"Pushed by the strength {v.strong} and undisturbed, networks err alike on test images, to within a point",
        error,
        first=strong,
        second=UNDISTURBED,
        margin=1.0,
    )
    for name, words, where in (
        (
            "matching",
            f"Of the barrier at the strength {v.strong} weight matching leaves more than half",
            strong,
        ),
        ("matching, wide", "So it does for a network that is four times as wide", wide),
    ):
        yield InRange(name, words, share_left, least=0.5, at=where)
    yield InRange(
        "matching, seeds",
        "Of the barrier between networks of two seeds it leaves less than a tenth",
        seeds_share_left,
        most=0.1,
    )
    yield Equivalence(
        "answers",
        f"At the strengths {v.strong} and {v.weak} the pushed network and its checkpoint classify as many test images "
        "differently, to within a point",
        disagreement,
        first=strong,
        second=weak,
        margin=1.0,
    )
    yield PairedDifference(
        "answers, seeds",
        f"Networks of two seeds classify more test images differently than one that is pushed by the strength "
        f"{v.strong} and its checkpoint",
        of_seeds_and_pushed,
        greater={"of": 0},
        lesser={"of": 1},
    )
    yield PairedDifference(
        "ensemble",
        "Three checkpoints that were left for other basins and the last network have a lower test NLL together than "
        "four networks of as many epochs that were not pushed",
        likelihood,
        greater=UNDISTURBED,
        lesser=several,
    )
    yield PairedDifference(
        "ensemble, gain",
        "They gain more on the mean of the single networks",
        gain,
        greater=several,
        lesser=UNDISTURBED,
    )
    yield PairedDifference(
        "control, random push",
        "A push as strong in a random direction raises a lower barrier",
        barrier,
        greater=strong,
        lesser=random,
    )
    yield PairedDifference(
        "control, attraction",
        "Attraction holds the network nearer to the checkpoint than it goes undisturbed",
        distance,
        greater=UNDISTURBED,
        lesser=attraction,
    )
    gentle = f"A hill of twice the width and a tenth of the strength {v.strong}"
    yield PairedDifference(
        "wider, farther",
        f"{gentle} takes the network farther",
        distance,
        greater=wider,
        lesser=strong,
    )
    yield PairedDifference(
        "wider, lower",
        f"{gentle} raises a lower barrier",
        barrier,
        greater=strong,
        lesser=wider,
    )
    yield InRange(
        "direction",
        f"At the strength {v.middle} the way from the checkpoint to a ninth of the later epochs and the whole way have "
        "a cosine of more than 0.7",
        kept_direction,
        least=0.7,
        at=middle,
    )
    yield InRange(
        "falling rate",
        f"At the strength {v.middle} a rate that falls to a hundredth changes the squared distance at the end by no "
        "more than 5 %",
        of_falling,
        least=0.95,
        most=1.05,
    )
    yield InRange(
        "drift",
        "A straight line explains more than 95 % of the growth of the undisturbed network's squared distance",
        straightness,
        least=0.95,
        at=UNDISTURBED,
    )
    yield InRange(
        "narrow",
        f"A hill far narrower, at the strength {v.weak}, changes the squared distance at the end by no more "
        "than a tenth",
        of_narrow,
        least=0.9,
        most=1.1,
    )
