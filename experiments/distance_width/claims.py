"""What the distance-kernel thesis (von Bachmann 2021) says of the kernel's width.

The printed numbers are those of ResNet-32 on CIFAR-10, read off its figure 4.3: one unseeded run each.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, Equivalence, PairedDifference, PairedRatio, Paper, Trend, printed
from lossatlas.experiments import Values
from lossatlas.measures import after, at, crossover, mean, percent, stacked


def drawn(*numbers: float, where: str) -> Paper:
    return printed(*numbers, source=f"von Bachmann 2021, {where}", approximate=True)


def claims(v: Values) -> Iterator[Claim]:
    narrowest, narrow, middle, wide = (
        {"sigma": v.named[name]} for name in ("narrowest", "narrow", "middle", "wide")
    )

    def soon(history: xr.Dataset) -> xr.DataArray:
        return at(history["squared_distance_0"], epoch=v.soon)

    def distance(history: xr.Dataset) -> xr.DataArray:
        return at(history["squared_distance_0"], epoch=v.read)

    def end(history: xr.Dataset) -> xr.DataArray:
        return at(history["squared_distance_0"], epoch=v.end)

    def passing_narrow(history: xr.Dataset) -> xr.DataArray:
        """When the middle kernel has pushed farther than the second narrowest, and when the widest has."""
        course = history["squared_distance_0"]
        passed = (crossover(course, along="epoch", ahead=ahead, behind=narrow) for ahead in (middle, wide))
        return stacked(*passed, over="pair")

    def settled(history: xr.Dataset) -> xr.DataArray:
        """Test error in the mean of the last epochs that the thesis draws."""
        return mean(after(percent(history["test_error"]), epoch=v.before_read, until=v.read), "epoch")

    network, without = {"model": v.network}, {"sigma": 0}

    yield Trend(
        "T-4.3 slower",
        "The wider the kernel, the nearer to the checkpoint the network is after the first epoch",
        soon,
        along="sigma",
        among=v.sigmas,
        decreasing=True,
        at=network,
        paper=drawn(35.0, 23.7, 13.6, 12.3, where="Fig. 4.3, epoch 101"),
    )
    yield Trend(
        "T-4.3 farther",
        "The wider the kernel, the farther it has pushed, of the three narrower ones",
        distance,
        along="sigma",
        among=[v.named["narrowest"], v.named["narrow"], v.named["middle"]],
        at=network,
        paper=drawn(410, 540, 1500, where="Fig. 4.3, epoch 400"),
    )
    yield PairedDifference(
        "T-4.3 widest",
        "The widest one has pushed less far than the next narrower",
        distance,
        greater=middle,
        lesser=wide,
        at=network,
        paper=drawn(1500, 610, where="Fig. 4.3, epoch 400"),
    )
    yield PairedDifference(
        "T-4.3 crossing",
        "The widest one overtakes the second narrowest later than the next narrower does",
        passing_narrow,
        greater={"pair": 1},
        lesser={"pair": 0},
        at=network,
        paper=drawn(307, 124, where="the first in its text, the second read off Fig. 4.3"),
    )
    yield PairedDifference(
        "T-4.3 in the long run",
        "With longer training the widest one overtakes the next narrower, too",
        end,
        greater=wide,
        lesser=middle,
        at=network,
    )
    yield Equivalence(
        "T-4.3 accuracy",
        "The test error is the same for the widest and the narrowest kernel, to within 1 point",
        settled,
        first=wide,
        second=narrowest,
        margin=1.0,
        at=network,
        paper=drawn(11.8, 11.9, where="Fig. 4.3, mean of the epochs 301 to 400"),
    )
    yield Equivalence(
        "T-4.3 accuracy (middle)",
        "And for the one that pushes farthest and no kernel",
        settled,
        first=middle,
        second=without,
        margin=1.0,
        at=network,
    )
    yield PairedRatio(
        "weight decay",
        "The widest one, whose hill is a fifth as steep as weight decay, leaves the network within 1.5 times its "
        "undisturbed distance",
        end,
        greater=without,
        lesser=wide,
        factor=0.6666667,
        at=network,
    )
