"""What figures 1 and 5 and section 5 of Li et al. 2018 (arXiv:1712.09913) say about depth.

The printed numbers are those of ResNet-20, -56 and -110 on CIFAR-10; half-widths are read off the picture.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import xarray as xr

from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, PairedRatio, Trend, printed
from lossatlas.experiments import Values
from lossatlas.measures import (
    area,
    half_width,
    local_minima,
    log10,
    negative_curvature,
    percent,
    slope,
    value_range,
)

SHORT, NOSHORT = {"skip": True}, {"skip": False}

figure_5 = partial(printed, source="Li et al. 2018, Fig. 5")
drawn = partial(printed, source="Li et al. 2018, Fig. 5, read off the picture", approximate=True)


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def curvature(surface: xr.Dataset) -> xr.DataArray:
    """Share of the surface that curves down, by more than a tenth of the other principal curvature."""
    return negative_curvature(surface, ratio=0.1)


def claims(v: Values) -> Iterator[Claim]:
    def curvature_slope(surface: xr.Dataset) -> xr.DataArray:
        return slope(curvature(surface), along="depth", among=v.depths, log=True)

    def lowest_area(surface: xr.Dataset) -> xr.DataArray:
        return log10(area(surface, level=v.contour))

    def along_x(surface: xr.Dataset) -> xr.DataArray:
        return half_width(surface, level=v.contour, along="x")

    def along_y(surface: xr.Dataset) -> xr.DataArray:
        return half_width(surface, level=v.contour, along="y")

    def of_figure_1(measure: Callable[[xr.Dataset], xr.DataArray]) -> Callable[[xr.Dataset], xr.DataArray]:
        """The measure of the landscape that is figure 1: of the surface of all networks, or of a finer one."""

        def finer(figure_1: xr.Dataset) -> xr.DataArray:
            return measure(figure_1)

        return measure if v.figure_1 == "surface" else finer

    shallow, deep, deepest = ({"depth": depth} for depth in (v.shallow, v.deep, v.deepest))
    noshort_greater: dict[str, Any] = {"greater": NOSHORT, "lesser": SHORT}
    short_alike: dict[str, Any] = {"first": deepest, "second": shallow, "at": SHORT}
    shallow_alike: dict[str, Any] = {"first": NOSHORT, "second": SHORT, "at": shallow}

    yield PairedRatio(
        "L-F1 range",
        "The loss of the deep network without shortcuts ranges farther than with shortcuts",
        of_figure_1(value_range),
        **noshort_greater,
        at=deep,
    )
    yield PairedDifference(
        "L-F1 minima",
        "The surface of the deep network without shortcuts has more local minima than with shortcuts",
        of_figure_1(partial(local_minima, prominence=0.01)),
        **noshort_greater,
        at=deep,
    )
    yield Trend(
        "L-F5 curvature noshort",
        "Without shortcuts, the share of the surface that curves down grows with depth",
        curvature,
        along="depth",
        among=v.depths,
        at=NOSHORT,
    )
    yield Equivalence(
        "L-F5 curvature short",
        "With shortcuts it does not, from the shallow network to the deepest, to within a tenth of the plane",
        curvature,
        margin=0.1,
        **short_alike,
    )
    yield PairedDifference(
        "L-F5 curvature slopes",
        "It grows faster with depth without shortcuts than with them",
        curvature_slope,
        **noshort_greater,
    )
    yield Equivalence(
        "L-F5 curvature shallow",
        "The surfaces of the shallow network with and without shortcuts curve down over the same share, to within a "
        "tenth",
        curvature,
        margin=0.1,
        **shallow_alike,
    )

    yield Equivalence(
        "L-F5 error shallow",
        "The shallow network generalises alike with and without shortcuts, to within one point",
        test_error,
        margin=1.0,
        **shallow_alike,
        paper=figure_5(8.18, 7.37),
    )
    for name, at, errors in (("deep", deep, (13.31, 5.89)), ("deepest", deepest, (16.44, 5.79))):
        text = f"The {name} network generalises worse without shortcuts"
        paper = figure_5(*errors)
        yield PairedDifference(f"L-F5 error {name}", text, test_error, **noshort_greater, at=at, paper=paper)
    yield Trend(
        "L-F5 error noshort",
        "Without shortcuts, the test error grows with depth",
        test_error,
        along="depth",
        among=v.depths,
        at=NOSHORT,
        paper=figure_5(8.18, 13.31, 16.44),
    )
    yield Trend(
        "L-F5 error short",
        "With shortcuts, the test error falls with depth",
        test_error,
        along="depth",
        among=v.depths,
        decreasing=True,
        at=SHORT,
        paper=figure_5(7.37, 5.89, 5.79),
    )

    yield Equivalence(
        "L-F5 area short",
        "With shortcuts, the area within the lowest contour is the same for the shallow network and the deepest, to a "
        "factor of 2",
        lowest_area,
        margin=0.301,  # log10 of 2: the half-widths that the paper draws make a factor of 1.8
        **short_alike,
    )
    yield Equivalence(
        "L-F5 half-width x short",
        "With shortcuts, the lowest contour reaches as far along the first direction for the deepest network, to "
        "within 0.1",
        along_x,
        margin=0.1,
        **short_alike,
        paper=drawn(0.2, 0.17),
    )
    yield Equivalence(
        "L-F5 half-width y short",
        "With shortcuts, it reaches as far along the second direction for the deepest network, to within 0.1",
        along_y,
        margin=0.1,
        **short_alike,
        paper=drawn(0.24, 0.16),
    )
    for axis, order, reach, paper in (
        ("x", "first", along_x, drawn(0.14, 0.17)),
        ("y", "second", along_y, drawn(0.18, 0.16)),
    ):
        yield Equivalence(
            f"L-F5 half-width {axis} shallow",
            f"For the shallow network it reaches as far along the {order} direction without shortcuts, to within 0.1",
            reach,
            margin=0.1,
            **shallow_alike,
            paper=paper,
        )
    yield PairedDifference(
        "L-F5 half-width x deepest",
        "For the deepest network it reaches less far without shortcuts",
        along_x,
        greater=SHORT,
        lesser=NOSHORT,
        at=deepest,
        paper=drawn(0.2, 0.08),
    )

    yield InRange(
        "L-txt basin",
        "With shortcuts, the basin of the deep network rises to a loss of 4 and more",
        value_range,
        least=4.0,
        at={**deep, **SHORT},
    )
    yield InRange(
        "L-txt untrainable",
        "The network that is too deep does not train without shortcuts, its loss stays near ln 10 = 2.303",
        lambda summary: summary["train_loss"],
        least=2.2,
        most=2.4,
        at={"depth": v.untrainable, **NOSHORT},
    )
