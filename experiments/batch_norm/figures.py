"""What `batch_norm` draws: name of the file -> function of the datasets and a caption."""

from collections.abc import Callable
from functools import partial, wraps

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import trends
from lossatlas.measures import at, log10, named

from .claims import ARMS, shift, test_error

NAMES = {"arm": {"none": "without", "before": "before the activation", "after": "after it"}}


def figures(v: Values) -> Figures:
    return {
        "figure": partial(
            trends,
            measures={
                "log10 of loss / weights": by_arm(lambda steps: largest(steps, "loss_quotient")),
                "log10 of gradient / weights": by_arm(lambda steps: largest(steps, "gradient_quotient")),
            },
            along="snapshot",
            by="arm",
            at={"snapshot": v.epochs},
            names=NAMES,
        ),
        "arms": partial(
            trends,
            measures={"shift of inputs": by_arm(shift(v)), "test error": by_arm(test_error)},
            along="arm",
            names=NAMES,
        ),
    }


def largest(steps: xr.Dataset, quotient: str) -> xr.DataArray:
    """Over the steps, by epoch."""
    return named(
        log10(steps[quotient].max("rate", skipna=False)), "log10 of the change over that of the weights"
    )


def by_arm(measure: Callable[..., xr.DataArray]) -> Callable[..., xr.DataArray]:
    """The measure over an axis of the three arms alone."""

    @wraps(measure)  # a figure sees by its arguments which datasets it reads
    def arms(**datasets: xr.Dataset) -> xr.DataArray:
        values = measure(**datasets)
        each = [at(values, **arm) for arm in ARMS.values()]
        return xr.concat(
            [part.drop_vars(["batch_norm", "position"], errors="ignore") for part in each],
            xr.DataArray(list(ARMS), dims="arm", name="arm"),
            combine_attrs="override",
        )

    return arms
