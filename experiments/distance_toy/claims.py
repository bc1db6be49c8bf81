"""What a hill does to a ball.

The thesis draws the picture and prints no number; the thresholds are this project's own.
"""

from collections.abc import Iterator
from typing import Any

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedRatio, Trend
from lossatlas.experiments import Values
from lossatlas.measures import at, last

AWAY, TOWARD, NOTHING, RANDOM = ({"push": push} for push in ("away", "toward", "nothing", "random"))
IN_THE_VALLEY: dict[str, Any] = {"least": 0.55, "most": 0.78}  # x where the ball stays


def x(summary: xr.Dataset) -> xr.DataArray:
    return summary["train_x"]


def distance(history: xr.Dataset) -> xr.DataArray:
    return last(history["squared_distance_0"], "epoch")


def claims(v: Values) -> Iterator[Claim]:
    def soon(history: xr.Dataset) -> xr.DataArray:
        return at(history["squared_distance_0"], epoch=v.after)

    sigma = {"sigma": v.sigma}

    yield InRange(
        "toy rest",
        "Without a hill the ball stays where the valley is lowest",
        x,
        **IN_THE_VALLEY,
        at={**NOTHING, **sigma},
    )
    yield PairedRatio(
        "toy leaves",
        "A hill at the checkpoint drives the ball away, more than ten times farther than its noise does (in squared "
        "distance)",
        distance,
        greater=AWAY,
        lesser=NOTHING,
        factor=10,
        at=sigma,
    )
    yield InRange(
        "toy pass", "The hill drives the ball over the pass at x = 0", x, most=0, at={**AWAY, **sigma}
    )
    yield InRange(
        "toy pit",
        "With the sign turned the hill is a pit, and the ball stays",
        x,
        **IN_THE_VALLEY,
        at={**TOWARD, **sigma},
    )
    yield PairedRatio(
        "toy random",
        "The hill drives the ball farther than a push of equal norm in a random direction",
        distance,
        greater=AWAY,
        lesser=RANDOM,
        at=sigma,
    )
    yield InRange(
        "toy too wide",
        "A hill flatter than the valley is curved, with s / sigma^2 = 1 below 2, does not move the ball",
        x,
        **IN_THE_VALLEY,
        at={**AWAY, "sigma": 1.0},
    )
    yield PairedRatio(
        "toy wider is slower",
        "In the first epoch after the checkpoint the narrow hill drives the ball farther than the wide one",
        soon,
        greater={"sigma": 0.1},
        lesser={"sigma": 0.5},
        at=AWAY,
    )
    yield Trend(
        "toy wider is farther",
        "In the end the ball is the farther from the checkpoint the wider the hill is",
        distance,
        along="sigma",
        among=[0.1, 0.2, 0.5],
        at=AWAY,
    )
    yield InRange(
        "toy plateau",
        "A narrow hill drives the ball to where it balances the valley, a squared distance of "
        "2 sigma^2 ln(s / (2 sigma^2)) = 0.0782, to within a quarter of it",
        distance,
        least=0.0587,
        most=0.0978,
        at={**AWAY, "sigma": 0.1},
    )
