"""What Dinh et al. 2017 (arXiv:1703.04933, section 3) say about rescaled networks.

They compute the same function from other weights. And what Li et al. 2018 (arXiv:1712.09913, section 4) say about
directions. Dinh et al. prove and do not measure; the appendix of Li et al. has the plots of L-A2 without a number. So
there is no printed number to compare with.
"""

from collections.abc import Iterator
from typing import Any

import xarray as xr

from lossatlas.claims import (
    Claim,
    Equivalence,
    InRange,
    PairedRatio,
    RankCorrelation,
    StrongerCorrelation,
    Trend,
)
from lossatlas.experiments import Values
from lossatlas.measures import at, percent, rise, width


def output_difference(twins_eigenvalues: xr.Dataset) -> xr.DataArray:
    return twins_eigenvalues["output_difference"]


def largest_eigenvalue(twins_eigenvalues: xr.Dataset) -> xr.DataArray:
    return at(twins_eigenvalues["eigenvalue"], end="largest", rank=1)


def sharpness(twins_sharpness: xr.Dataset) -> xr.DataArray:
    return at(twins_sharpness["sharpness"], epsilon=0.001)


def rise_of_twins(twins_line: xr.Dataset) -> xr.DataArray:
    return rise(twins_line, beyond=0.0)


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def claims(v: Values) -> Iterator[Claim]:
    def width_of_twins(twins_line_none: xr.Dataset) -> xr.DataArray:
        return width(twins_line_none, level=v.width)

    def filter_width(line: xr.Dataset) -> xr.DataArray:
        return width(line, level=v.width)

    def layer_width(line_layer: xr.Dataset) -> xr.DataArray:
        return width(line_layer, level=v.width)

    def plain_width(line_none: xr.Dataset) -> xr.DataArray:
        return width(line_none, level=v.width)

    least, itself = {"factor": v.least}, {"factor": 1.0}
    twins = (("0.01", least), ("100", {"factor": v.most}))
    for kind, batch_norm, model, wider, factor_of_wider, times in (
        (
            "batch norm",
            "With",
            v.convolutional,
            "the twin of factor 2 look more than twice as wide as that of factor 0.5",
            v.double,
            2,
        ),
        ("T_α", "Without", v.perceptron, "the network look wider than its twin of factor 0.5", 1.0, 1),
    ):
        of_model = {"model": model, "weight_decay": v.weight_decay, "batch_size": v.small_batch}
        for factor, twin in twins:
            yield InRange(
                f"Dinh ({kind}) same ({factor})",
                f"{batch_norm} batch norm, the twin of factor {factor} computes the same outputs, to 1e-5 of the "
                "largest",
                output_difference,
                most=1e-5,
                at={**of_model, **twin},
            )
        yield PairedRatio(
            f"Dinh ({kind}) eigenvalue",
            f"{batch_norm} batch norm, the largest eigenvalue of the Hessian is more than a thousand times larger for "
            "the twin of factor 0.01",
            largest_eigenvalue,
            greater=least,
            lesser=itself,
            factor=1000,
            at=of_model,
        )
        yield Trend(
            f"Dinh ({kind}) eigenvalue grows",
            f"{batch_norm} batch norm, the largest eigenvalue grows with each step of the factor from 1 to 0.01",
            largest_eigenvalue,
            along="factor",
            among=[0.01, 0.1, 1.0],
            decreasing=True,
            at=of_model,
        )
        yield PairedRatio(
            f"Dinh ({kind}) sharpness",
            f"{batch_norm} batch norm, Keskar's sharpness is more than ten times larger for the twin of factor 0.01",
            sharpness,
            greater=least,
            lesser=itself,
            factor=10,
            at=of_model,
        )
        yield PairedRatio(
            f"S1 ({kind}) unnormalised",
            f"{batch_norm} batch norm, unnormalised lines make {wider}",
            width_of_twins,
            greater={"factor": factor_of_wider},
            lesser={"factor": v.half},
            factor=times,
            at=of_model,
            mean_over=["direction"],
        )
        for factor, twin in twins:
            yield Equivalence(
                f"S1 ({kind}) filter-normalised ({factor})",
                f"{batch_norm} batch norm, filter-normalised lines of the twin of factor {factor} rise as the "
                "network's do, to within 0.001",
                rise_of_twins,
                first=twin,
                second=itself,
                margin=0.001,
                at=of_model,
                mean_over=["alpha"],
            )

    lower_error: dict[str, Any] = {
        "other": test_error,
        "negative": True,
        "at": {"model": v.convolutional, "weight_decay": v.weight_decay},
        "mean_over": ["direction"],
    }
    yield RankCorrelation(
        "L-A2 filter",
        "Over batch sizes, minima that are wide on filter-normalised lines have the lower test errors",
        filter_width,
        **lower_error,
    )
    yield RankCorrelation("L-A2 layer", "The same on layer-normalised lines", layer_width, **lower_error)
    yield StrongerCorrelation(
        "L-A2 filter >= layer",
        "Filter-normalised widths go with test errors at least as closely as layer-normalised ones, to within 0.1",
        filter_width,
        than=layer_width,
        margin=0.1,
        **lower_error,
    )
    yield StrongerCorrelation(
        "L-A2 layer > none",
        "Layer-normalised widths go with test errors more closely than unnormalised ones",
        layer_width,
        than=plain_width,
        **lower_error,
    )
