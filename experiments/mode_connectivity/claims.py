"""What Garipov et al. 2018 (arXiv:1802.10026) say about the curves between two optima.

A *rise* is how far the highest value on a path lies above the higher of those at its ends. The printed numbers are
theirs, those of ResNet-164 on CIFAR-100 where there are any ("re-run": the tables that come with the authors' code).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedRatio, printed
from lossatlas.experiments import Values
from lossatlas.measures import at, percent, ratio

SEGMENT = {"method": "segment"}
CURVES = {"Bezier": {"method": "bezier"}, "chain": {"method": "chain"}}
WORDS = {"Bezier": "Bezier curve", "chain": "polygonal chain"}
RERUN = "Garipov et al. 2018, re-run of ResNet-164 on CIFAR-100"
TABLE_2 = "Garipov et al. 2018, Table 2, ResNet-164 on CIFAR-100"
NAMES = {"resnet164": "ResNet-164", "vgg16": "VGG-16", "wrn28_10": "WRN-28-10"} | {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
}


class Errors(NamedTuple):
    """Printed test errors, in percent."""

    rerun: dict[str, tuple[float, float]]  # the largest on a curve, and that of the worse end
    segment: float | None  # the largest on the straight line,
    curves: dict[str, float]  # and on curves, of table 2


FURTHER = {
    ("resnet164", "cifar10"): Errors({"Bezier": (4.97, 4.76), "chain": (5.13, 4.76)}, None, {}),
    ("vgg16", "cifar100"): Errors({"Bezier": (30.1, 27.5), "chain": (30.8, 27.5)}, 99.01, {"Bezier": 31.23}),
    ("vgg16", "cifar10"): Errors({"Bezier": (7.75, 6.94), "chain": (8.08, 6.94)}, 90.0, {"Bezier": 7.01}),
    ("wrn28_10", "cifar100"): Errors({"Bezier": (19.2, 18.9), "chain": (19.0, 18.9)}, None, {}),
    ("wrn28_10", "cifar10"): Errors(
        {"Bezier": (3.88, 3.73), "chain": (4.29, 3.73)}, 66.6, {"Bezier": 4.83, "chain": 10.38}
    ),
}


def to_line(variable: str, method: dict[str, str]) -> Callable[[xr.Dataset], xr.DataArray]:
    """The training loss's rise on a curve as a share of that on the straight line."""

    def share(path: xr.Dataset) -> xr.DataArray:
        rise = at(path[variable], split="train")
        return ratio(at(rise, **method), at(rise, **SEGMENT))

    return share


def again_to_line(path_again: xr.Dataset, path: xr.Dataset) -> xr.DataArray:
    """The same of the second chain."""
    one, other = (at(data["regularized_loss_rise"], split="train") for data in (path_again, path))
    return ratio(at(one, **CURVES["chain"]), at(other, **SEGMENT))


def error_rise(path: xr.Dataset) -> xr.DataArray:
    return percent(at(path["error_rise"], split="test"))


def largest_error(path: xr.Dataset) -> xr.DataArray:
    return percent(at(path["error_maximum"], split="test"))


def dip(path: xr.Dataset) -> xr.DataArray:
    """How far the lowest loss on a path lies below the lower of those at its ends."""
    return at(path["regularized_loss_dip"], split="train")


def bend_distance(curve_distances: xr.Dataset) -> xr.DataArray:
    return at(curve_distances["relative_bend_distance"], curve=0, other=1)


def claims(v: Values) -> Iterator[Claim]:
    for variable, suffix, words in (
        ("regularized_loss_rise", "", "The regularised training loss"),
        ("loss_rise", ", without penalty", "The training loss without the penalty"),
    ):
        for name, method in CURVES.items():
            yield InRange(
                f"G-F1 {name}{suffix}",
                f"{words} rises less than a tenth as far on the {WORDS[name]} as on the straight line",
                to_line(variable, method),
                most=v.line_share,
                at=v.place,
            )
    for name, rise, errors in (("Bezier", 1.7, "23.4 less 21.7 %"), ("chain", 1.9, "23.6 less 21.7 %")):
        yield InRange(
            f"G-T2 {name}, rise",
            f"On the {WORDS[name]} the test error stays within 5 points of the worse end",
            error_rise,
            most=v.error_rise,
            at={**CURVES[name], **v.place},
            paper=printed(rise, source=f"{RERUN}, {errors}"),
        )
    for name, error in (("Bezier", 26.1), ("chain", None)):
        yield PairedRatio(
            f"G-T2 {name} against line",
            f"The largest test error on the straight line is more than twice that on the {WORDS[name]}",
            largest_error,
            greater=SEGMENT,
            lesser=CURVES[name],
            factor=v.error_factor,
            at=v.place,
            paper=printed(98.83, error, source=TABLE_2),
        )
    for name, method in CURVES.items():
        yield InRange(
            f"G-T2 {name}, length",
            f"The {WORDS[name]} is longer than the straight line, and less than four times as long",
            lambda path: path["length_ratio"],
            least=1.0,  # 1.30 to 2.13 in the paper's table, 1.64 to 3.48 of chains
            most=4.0,
            at={**method, **v.place},
        )
    for name, method in CURVES.items():
        yield InRange(
            f"G-README {name}",
            f"The lowest regularised training loss on the {WORDS[name]} lies below that of both ends",
            dip,
            least=0.0,
            at={**method, **v.place},
        )
    yield InRange(
        "G-nu apart",
        "The bends of two chains between the same ends, trained with other seeds, are more than a fifth of the ends' "
        "distance apart",
        bend_distance,
        least=v.apart,
        at={**CURVES["chain"], **v.place},
        paper=printed(0.592, source="Garipov et al. 2018, supplement, VGG-16 on CIFAR-10, 29.6 of 50"),
    )
    yield InRange(
        "G-nu both low",
        "On the second chain, too, the regularised training loss rises less than a tenth as far as on the straight "
        "line",
        again_to_line,
        most=v.line_share,
        at=v.place,
    )
    for place in v.others:
        yield from of_another(v, place)


def of_another(v: Values, place: dict[str, str]) -> Iterator[Claim]:
    """What the tables say of another network, or on other data: that the test error hardly rises along the curves."""
    network, data = NAMES[place["network"]], NAMES[place["data"]]
    errors = FURTHER[place["network"], place["data"]]
    for name, (largest, end) in errors.rerun.items():
        yield InRange(
            f"G-README {name}, rise, {network}, {data}",
            f"{network} on {data}: on the {WORDS[name]} the test error stays within 5 points of the worse end",
            error_rise,
            most=v.error_rise,
            at={**CURVES[name], **place},
            paper=printed(
                round(largest - end, 2),
                source=f"Garipov et al. 2018, re-run of {network} on {data}, {largest} less {end} %",
            ),
        )
    for name in CURVES:
        numbers = (errors.segment, errors.curves.get(name))
        yield PairedRatio(
            f"G-T2 {name} against line, {network}, {data}",
            f"{network} on {data}: the largest test error on the straight line is more than twice that on the "
            f"{WORDS[name]}",
            largest_error,
            greater=SEGMENT,
            lesser=CURVES[name],
            factor=v.error_factor,
            at=place,
            paper=None
            if errors.segment is None
            else printed(*numbers, source=f"Garipov et al. 2018, Table 2, {network} on {data}"),
        )
