"""What Li et al. 2018 say of initialisations in section 5: where they lie, and how much depends on them.

The paper prints one number, the loss at the start. That errors of seeds lie farther apart is asked of each seed's
distance from their median (Brown & Forsythe 1974), by seed; thresholds but that one are this project's own.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, Trend
from lossatlas.experiments import Values
from lossatlas.measures import Measure, at, deviation, log10, named, percent, ratio

START, TRAINED = {"part": "start"}, {"part": "trained"}
SHORT, NOSHORT = {"skip": True}, {"skip": False}


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def distance(summary: xr.Dataset) -> xr.DataArray:
    """Of each seed's error from the median over seeds, in points."""
    return deviation(test_error(summary), over="seed")


def relative_distance(v: Values) -> Measure:
    def distance(summary: xr.Dataset) -> xr.DataArray:
        """The same of the logarithm of the error, of at least half an image: by which factor a seed is off."""
        error = summary["test_error"]
        at_least = error.where(error != 0, 0.5 / v.images)
        return deviation(named(log10(at_least), "log10 of the test error"), over="seed")

    return distance


def loss(summary: xr.Dataset) -> xr.DataArray:
    return named(summary["train_nll"], "training loss at the start")


def gradient_norm(signals: xr.Dataset) -> xr.DataArray:
    """Of the loss by each convolution's weights, over (layer,)."""
    return named(at(signals["gradient_norm"], split="train"), "norm of the gradient")


def imbalance(signals: xr.Dataset) -> xr.DataArray:
    """Factor between the gradients of the last convolution and the first, whichever is larger: its log10."""
    found = gradient_norm(signals)
    first = found.isel(layer=0, drop=True)
    last = found.isel(layer=(found.notnull().sum("layer") - 1).clip(0), drop=True)  # shallow ones have fewer
    return named(abs(log10(ratio(first, last))), "|log10| of first over last gradient norm")


def claims(v: Values) -> Iterator[Claim]:
    yield PairedDifference(
        "spread",
        "Without shortcuts test errors of seeds lie farther from their median than with",
        distance,
        greater=NOSHORT,
        lesser=SHORT,
        at={**TRAINED, "depth": v.deep},
    )
    yield PairedDifference(
        "spread, relative",
        "So they do as multiples of it, by which higher errors are not farther apart for being higher",
        relative_distance(v),
        greater=NOSHORT,
        lesser=SHORT,
        at={**TRAINED, "depth": v.deep},
    )
    for name, arm, words in (("short", SHORT, "with"), ("noshort", NOSHORT, "without")):
        yield InRange(
            f"start ({name})",
            f"Before training the loss {words} shortcuts is below {v.start:g}",
            loss,
            most=v.start,
            at={**START, **arm, "depth": v.deep},
        )
    yield PairedDifference(
        "gradients",
        "Without shortcuts the gradients of the first and the last convolution differ by a larger factor than with",
        imbalance,
        greater=NOSHORT,
        lesser=SHORT,
        at={**START, "depth": v.depths[-1]},
    )
    for name, arm, words in (("short", SHORT, "With"), ("noshort", NOSHORT, "Without")):
        yield Trend(
            f"gradients by depth ({name})",
            f"{words} shortcuts this factor grows with depth",
            imbalance,
            along="depth",
            among=v.depths,
            at={**START, **arm},
        )
