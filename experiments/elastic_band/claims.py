"""What Draxler et al. 2018 (arXiv:1803.00885) say about the saddles between minima.

Their printed numbers are bounds over all networks on CIFAR-10.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, Trend, printed
from lossatlas.experiments import Values
from lossatlas.measures import at, percent, ratio


def relative_saddle(summary: xr.Dataset, path: xr.Dataset) -> xr.DataArray:
    """The saddle's training loss as a share of the barrier on the straight line."""
    return ratio(at(summary["saddle_loss"], part="band"), at(path["loss_rise"], part="ends", split="train"))


def error_rise(summary: xr.Dataset) -> xr.DataArray:
    return percent(at(summary["test_error_rise"], part="band"))


def length(summary: xr.Dataset) -> xr.DataArray:
    return at(summary["length_ratio"], part="band")


def barrier(summary: xr.Dataset) -> xr.DataArray:
    return at(summary["barrier"], part="band")


def saddle_loss(summary: xr.Dataset) -> xr.DataArray:
    return at(summary["saddle_loss"], part="band")


def claims(v: Values) -> Iterator[Claim]:
    cnn, resnet = {"family": "cnn"}, {"family": "resnet"}
    families = (  # as the ids and the texts name them
        ("CNN", "Small CNNs, all widths", {**cnn, "size": v.widths}),
        ("ResNet", "Residual networks, all depths", {**resnet, "size": v.depths}),
    )
    for name, networks, where in families:
        yield InRange(
            f"D saddle {name}",
            f"{networks}: the saddle's training loss is below a tenth of the barrier on the straight line",
            relative_saddle,
            most=v.line_share,
            at=where,
            mean_over=["size"],
        )
    largest = printed(0.5, source="Draxler et al. 2018, section 4.3, the largest rise on CIFAR-10")
    for name, networks, where in families:
        yield InRange(
            f"D error {name}",
            f"{networks}: along the band the test error rises by no more than half a point over that of the minima",
            error_rise,
            most=v.error_rise,
            at=where,
            mean_over=["size"],
            paper=largest if name == "ResNet" else None,
        )
    for name, networks, where in families:
        yield InRange(
            f"D length {name}",
            f"{networks}: the band is 1.5 to 2.5 times as long as the straight line",
            length,
            least=v.shortest,
            most=v.longest,
            at=where,
            mean_over=["size"],
        )
    for suffix, what, measure in (
        ("", "The barrier at the saddle", barrier),
        (", saddle", "The saddle's training loss", saddle_loss),
    ):
        for size, networks, sizes, family in (
            ("width", "small CNNs", v.widths, cnn),
            ("depth", "residual networks", v.depths, resnet),
        ):
            yield Trend(
                f"D {size}{suffix}",
                f"{what} falls with the {size} of {networks}",
                measure,
                along="size",
                among=sizes,
                decreasing=True,
                at=family,
            )
