"""What the distance-kernel thesis (von Bachmann 2021) says of the kernel's strength, and what follows from its form.

The printed numbers are those of ResNet-32 on CIFAR-10, read off its figure 4.2, 100 epochs after the checkpoint: one
unseeded run each.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import (
    Claim,
    Equivalence,
    InRange,
    PairedDifference,
    PairedRatio,
    Paper,
    Trend,
    printed,
)
from lossatlas.experiments import Values
from lossatlas.measures import after, at, mean, named, percent, slope, stacked


def drawn(*numbers: float, where: str = "Fig. 4.2") -> Paper:
    return printed(*numbers, source=f"von Bachmann 2021, {where}", approximate=True)


def error(history: xr.Dataset) -> xr.DataArray:
    return percent(history["test_error"])


def claims(v: Values) -> Iterator[Claim]:
    def distance(history: xr.Dataset) -> xr.DataArray:
        return at(history["squared_distance_0"], epoch=v.read)

    def highest_error(history: xr.Dataset) -> xr.DataArray:
        """In the first epochs after the checkpoint."""
        soon = after(error(history), epoch=v.checkpoint, until=v.soon)
        return named(soon.max("epoch"), "highest test error along epoch", "%")

    def late_error(history: xr.Dataset) -> xr.DataArray:
        return mean(after(error(history), epoch=v.before_read, until=v.read), "epoch")

    def last_error(history: xr.Dataset) -> xr.DataArray:
        return mean(after(error(history), epoch=v.before_end, until=v.end), "epoch")

    def growth(history: xr.Dataset, among: list[float]) -> xr.DataArray:
        """Growth of the distance for each factor e of the strength, in what the log law has for it."""
        end = at(history["squared_distance_0"], epoch=v.end) * v.per_width
        return slope(named(end, "squared distance 0", "2σ²"), along="strength", among=among, log=True)

    def steep_growth(history: xr.Dataset) -> xr.DataArray:
        return growth(history, v.steep)

    def growths(history: xr.Dataset) -> xr.DataArray:
        """From the weakest kernel to the next, and to the strongest."""
        steps = (("below", "above"), ("strong", "strongest"))
        return stacked(*(growth(history, [v.named[a], v.named[b]]) for a, b in steps), over="step")

    network = {"model": v.network}
    without, below, above, strongest = (
        {"strength": strength} for strength in (0, v.named["below"], v.named["above"], v.named["strongest"])
    )

    yield Trend(
        "T-4.2 distance",
        "The stronger the kernel, the farther from the checkpoint",
        distance,
        along="strength",
        among=v.strengths,
        at=network,
        paper=drawn(300, 1200, 3300, 5500),
    )
    yield Trend(
        "T-4.2 drop",
        "The stronger the kernel, the higher the test error rises in the first five epochs after the checkpoint",
        highest_error,
        along="strength",
        among=v.strengths,
        at=network,
        paper=drawn(13.2, 13.4, 19.9, 33.3, where="Fig. 4.2, least accuracy after 101 to 105 epochs"),
    )
    yield PairedDifference(
        "T-4.2 late",
        "As long after the checkpoint as the thesis's figure ends, the network pushed hardest still errs more than the "
        "one pushed least",
        late_error,
        greater=strongest,
        lesser=below,
        at=network,
        paper=drawn(15.7, 12.6, where="Fig. 4.2, mean of the epochs 151 to 200"),
    )
    # The thesis's figure ends earlier; its draft says that the network never recovers.
    yield Equivalence(
        "T-4.2 recovery",
        "At the end of longer training the network that was pushed hardest errs as the undisturbed one, to within 1 "
        "point",
        last_error,
        first=strongest,
        second=without,
        margin=1.0,
        at=network,
    )
    yield InRange(
        "log law",
        "Where the hill is far steeper than weight decay, distance grows by 2σ² for each factor e of the strength, to "
        "within a fifth",
        steep_growth,
        least=0.8,
        most=1.2,
        at=network,
        # (5500 - 3300) / (1000 ln 10)
        paper=drawn(0.955, where="Fig. 4.2, from strength 10 to 100"),
    )
    yield PairedDifference(
        "log law (weak)",
        "Where the hill is about as steep as weight decay, a stronger kernel gains less than the law says",
        growths,
        greater={"step": 1},
        lesser={"step": 0},
        at=network,
        # the second: (1200 - 300) / (1000 ln 10)
        paper=drawn(0.955, 0.391, where="Fig. 4.2, from strength 10 to 100 and from 0.1 to 1"),
    )
    yield PairedRatio(
        "weight decay (below)",
        "A hill a fifth as steep as weight decay, s/σ² against wd, leaves the network within 1.5 times its undisturbed "
        "distance",
        distance,
        greater=without,
        lesser=below,
        factor=0.6666667,
        at=network,
        paper=drawn(237, 300, where="Fig. 4.1 and 4.2, epoch 200"),
    )
    yield PairedRatio(
        "weight decay (above)",
        "One that is twice as steep as weight decay carries it more than 1.5 times as far",
        distance,
        greater=above,
        lesser=without,
        factor=1.5,
        at=network,
        paper=drawn(1200, 237, where="Fig. 4.2 and 4.1, epoch 200"),
    )
