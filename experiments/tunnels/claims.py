"""What Fort & Jastrzebski 2019 (arXiv:1906.04724) say about the width of low-loss tunnels.

Larger learning rates, more L2 and smaller batches widen them. No numbers of theirs are at hand.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, Trend
from lossatlas.experiments import Values
from lossatlas.measures import at


def rise(path: xr.Dataset) -> xr.DataArray:
    return at(path["loss_rise"], split="train")


def claims(v: Values) -> Iterator[Claim]:
    def radius(tunnel: xr.Dataset) -> xr.DataArray:
        return at(tunnel["radius"], level=v.rise)

    def relative_radius(tunnel: xr.Dataset) -> xr.DataArray:
        return at(tunnel["relative_radius"], level=v.rise)

    centre = {"rate": v.rate, "weight_decay": v.weight_decay, "batch_size": v.batch_size}

    for name, measure, words in (
        ("distance", radius, "the distance at which the loss has risen"),
        ("share of the norm", relative_radius, "that distance as a share of the weights' norm"),
    ):
        for setting, text, axis, values in (
            ("learning rate", "Larger learning rates make", "rate", v.rates),
            ("L2", "More L2 makes", "weight_decay", v.weight_decays),
            ("batch size", "Smaller batches make", "batch_size", v.batch_sizes),
        ):
            yield Trend(
                f"{setting} ({name})",
                f"{text} wider tunnels, by {words}",
                measure,
                along=axis,
                among=values,
                decreasing=axis == "batch_size",
                at={"optima": 2} | {other: value for other, value in centre.items() if other != axis},
                mean_over=["t", "direction"],
            )
    yield InRange(
        "three optima",
        "One curve joins three optima, along which the training loss rises by less than 0.1 above the outer two",
        rise,
        most=v.rise,
        at={"optima": 3, **centre},
    )
