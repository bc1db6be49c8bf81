"""What the appendix of Li et al. 2018 (arXiv:1712.09913) says about plots along other random directions.

That they are "very close in shape": the spread over directions or planes of what is read off a plot, as a share of the
gap between the networks that the plots are to tell apart. The paper prints no number.
"""

from collections.abc import Callable, Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange
from lossatlas.experiments import Values
from lossatlas.measures import (
    area,
    difference,
    half_width,
    log10,
    mean,
    negative_curvature,
    ratio,
    roughness,
    spread,
    stacked,
    value_range,
    width,
)


def claims(v: Values) -> Iterator[Claim]:
    small, large = {"batch_size": v.small_batch}, {"batch_size": v.large_batch}
    noshort, short = {"model": v.noshort}, {"model": v.short}

    def on_lines(line: xr.Dataset) -> xr.DataArray:
        widths = width(line, level=v.width)
        gap = difference(mean(widths, "direction"), first=small, second=large, absolute=True)
        return ratio(mean(spread(widths, over="direction"), "batch_size"), gap)

    def on_planes(read_off: Callable[[xr.Dataset], xr.DataArray]) -> Callable[..., xr.DataArray]:
        def share(surface: xr.Dataset, surface_1: xr.Dataset, surface_2: xr.Dataset) -> xr.DataArray:
            planes = stacked(*map(read_off, (surface, surface_1, surface_2)), over="plane")
            gap = difference(mean(planes, "plane"), first=noshort, second=short, absolute=True)
            return ratio(spread(planes, over="plane"), gap)

        return share

    for name, decay, weight_decay in (("no decay", "Without", 0.0), ("decay", "With", v.weight_decay)):
        yield InRange(
            f"L-A5 lines, {name}",
            f"{decay} weight decay, widths along ten directions spread by less than half the gap between the two "
            "batch sizes",
            on_lines,
            most=v.share,
            at={"model": v.on_lines, "weight_decay": weight_decay},
        )

    # All that was tried of what can be read off a plane and differs between the two networks at all.
    for name, words, read_off in (
        ("curvature", "share of the plane that curves down", negative_curvature),
        ("area", "area below the level", lambda surface: area(surface, level=v.area)),
        ("lowest area", "area below the lowest contour level", lambda surface: area(surface, level=v.lowest)),
        ("outer area", "area below the outer level", lambda surface: area(surface, level=v.outer)),
        (
            "half-width",
            "half-width along the first direction",
            lambda surface: half_width(surface, level=v.area),
        ),
        ("roughness", "roughness", roughness),
        ("range", "logarithm of the range of the loss", lambda surface: log10(value_range(surface))),
    ):
        yield InRange(
            f"L-A5 planes, {name}",
            f"Without shortcuts, the {words} spreads over three planes by less than half the gap to the network "
            "with shortcuts",
            on_planes(read_off),
            most=v.share,
            at={**noshort, "weight_decay": v.planes_decay, **small},
        )
