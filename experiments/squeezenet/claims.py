"""What Iandola et al. 2016 (arXiv:1602.07360) say of SqueezeNet, as far as a lecture on regularisation has it.

AlexNet's accuracy on ImageNet with fifty times fewer parameters, and 510 times fewer bytes when compressed. No number
of theirs on the design rules and bypasses is at hand, nor one on errors.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, RankCorrelation, printed
from lossatlas.experiments import Values
from lossatlas.measures import at, named, percent, ratio

SOURCE = "Iandola et al. 2016, abstract"
ALEXNET, SQUEEZENET = {"network": "alexnet"}, {"network": "squeezenet"}


def error(compression: xr.Dataset) -> xr.DataArray:
    """Test error by what is left of the weights and its bits."""
    return percent(at(compression["error"], split="test"))


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def parameters(compression: xr.Dataset) -> xr.DataArray:
    return compression["parameters"]


def fewer_parameters(compression: xr.Dataset) -> xr.DataArray:
    """AlexNet's parameters as a multiple of each network's."""
    return ratio(at(parameters(compression), **ALEXNET), parameters(compression))


def fewer_bytes(compression: xr.Dataset) -> xr.DataArray:
    """AlexNet's size, not compressed, as a multiple of each compressed network's."""
    times = ratio(at(compression["whole"], **ALEXNET), compression["size"])
    return named(times, "size of AlexNet relative to that of the compressed network")


def claims(v: Values) -> Iterator[Claim]:
    compressed = {"kept": v.kept, "bits": v.bits}

    yield InRange(
        "parameters",
        "SqueezeNet has fifty times fewer parameters than AlexNet, to within a tenth",
        fewer_parameters,
        least=45,
        most=55,
        at=SQUEEZENET,
        paper=printed(50, source=SOURCE),
    )
    yield Equivalence(
        "accuracy",
        f"SqueezeNet errs as AlexNet, to within {v.margin:g} points",
        test_error,
        first=SQUEEZENET,
        second=ALEXNET,
        margin=v.margin,
    )
    yield RankCorrelation(
        "accuracy against parameters",
        "Over all networks, more parameters go with less test error",
        parameters,
        other=test_error,
        negative=True,
        of_means=True,
    )
    yield InRange(
        "compressed size",
        "Pruned and quantised, SqueezeNet is 510 times smaller than AlexNet as it is, or more",
        fewer_bytes,
        least=510,
        at=SQUEEZENET | compressed,
        paper=printed(510, source=SOURCE),
    )
    yield Equivalence(
        "compressed accuracy",
        f"Compressed so far, SqueezeNet errs as it does with all its weights, to within {v.margin:g} points",
        error,
        first={"kept": [v.kept], "bits": [v.bits]},
        second={"kept": [1.0], "bits": [32]},
        margin=v.margin,
        at=SQUEEZENET,
    )
    for name, text, other in (
        ("rule 1", "1x1 filters in place of half of those of 3x3 leave the error", "filters"),
        ("rule 2", "Squeezing the channels that 3x3 filters see leaves the error", "unsqueezed"),
    ):
        yield Equivalence(
            name,
            f"{text} as it is without, to within {v.margin:g} points",
            test_error,
            first=SQUEEZENET,
            second={"network": other},
            margin=v.margin,
        )
    yield PairedDifference(
        "rule 3",
        "With its poolings late SqueezeNet errs less than with all of them in front",
        test_error,
        greater={"network": "early"},
        lesser=SQUEEZENET,
    )
    yield PairedDifference(
        "simple bypass",
        "Bypasses without weights lower SqueezeNet's error",
        test_error,
        greater=SQUEEZENET,
        lesser={"network": "simple"},
    )
    yield PairedDifference(
        "complex bypass",
        "Bypasses without weights lower it more than those that have weights where channels differ",
        test_error,
        greater={"network": "complex"},
        lesser={"network": "simple"},
    )
