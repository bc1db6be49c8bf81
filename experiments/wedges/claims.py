"""What Fort & Jastrzebski 2019 (arXiv:1906.04724) model by intersecting wedges: barriers, tunnels, surfaces.

No formula and no numbers of theirs are at hand: heights are distances from the nearest wedge, thresholds this
project's.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, PairedRatio, Trend
from lossatlas.experiments import Values
from lossatlas.measures import Measure, at, named, ratio


def rise(path: xr.Dataset) -> xr.DataArray:
    return named(at(path["loss_rise"], split="train"), "rise above the higher end")


def mean_height(triangle: xr.Dataset) -> xr.DataArray:
    return named(at(triangle["loss_mean"], split="train"), "mean height")


def radius(tunnel: xr.Dataset) -> xr.DataArray:
    return named(tunnel["radius"].isel(level=0).median(["t", "direction"]), "radius of the tunnel")


def kept(path: xr.Dataset) -> xr.DataArray:
    """Of the rise on the straight line, what is left on the trained chain."""
    return named(ratio(at(rise(path), between="chain"), at(rise(path), between="line")), "share of the rise")


def steepness(v: Values) -> Measure:
    def steepness(tunnel: xr.Dataset) -> xr.DataArray:
        """Root mean square of the slope, level / radius, over sqrt(s / d), which it is for random directions."""
        slopes = v.level / tunnel["radius"].isel(level=0)
        found = (slopes**2).mean(["t", "direction"]) ** 0.5
        return named(found / (found["short"] / v.dimensions) ** 0.5, "RMS slope over sqrt(s / d)")

    return steepness


def claims(v: Values) -> Iterator[Claim]:
    joined = {"short": v.short}
    yield InRange(
        "chain",
        f"On a trained chain of two lines the height rises {v.share:g} times as far as on the straight line, or less",
        kept,
        most=v.share,
        at=joined,
    )
    yield PairedDifference(
        "Bezier",
        "On a trained Bezier curve, which cannot follow two wedges, it rises farther than on the chain",
        rise,
        greater={"between": "bezier"},
        lesser={"between": "chain"},
        at=joined,
    )
    yield PairedRatio(
        "surface",
        f"A trained surface through three balls is in the mean {v.half:g} times as high as the flat triangle, or less",
        mean_height,
        greater={"between": "flat"},
        lesser={"between": "surface"},
        factor=1 / v.half,
        at=joined,
    )
    yield Trend(
        "tunnel",
        "The more short directions wedges have, the narrower is the tunnel about the chain",
        radius,
        along="short",
        among=v.shorts,
        decreasing=True,
        at={"between": "chain"},
    )
    for short in v.shorts:
        yield InRange(
            f"tunnel, {short} short",
            f"About it the height rises by sqrt({short} / {v.dimensions}) a step in a random direction, to within "
            f"{v.apart:.0%}",
            steepness(v),
            least=1 - v.apart,
            most=1 + v.apart,
            at={"between": "chain", "short": short},
        )
