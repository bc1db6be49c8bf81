"""What `dropout` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, one_setting_at_a_time, trends
from lossatlas.measures import at, log10, named, percent

from .claims import test_error

NAMES = {
    "network": {},
    "dropout": {"with": "with dropout", "without": "without dropout"},
    "mean": {"arithmetic": "arithmetic mean", "geometric": "geometric mean", "all units": "all units"},
}


def figures(v: Values) -> Figures:
    def architectures(values: xr.DataArray) -> xr.DataArray:
        """With dropout and without, of each architecture in one row."""
        each = [
            at(values, rate=rate, input_rate=input_rate)
            for rate, input_rate in ((0.0, 0.0), (v.rate, v.input_rate))
        ]
        both = xr.concat(
            each, xr.Variable("dropout", ["without", "with"]), coords="minimal", compat="override"
        )
        rows = [
            at(both, depth=depth, width=width).expand_dims(network=[f"{depth} x {width}"])
            for depth in v.depths
            for width in v.widths
        ]
        return named(xr.concat(rows, "network", coords="minimal", compat="override"), "test error", "%")

    def test_loss(summary: xr.Dataset) -> xr.DataArray:
        return summary["test_nll"]

    def of_means(dropout_ensemble: xr.Dataset) -> xr.DataArray:
        """Error against the number of networks, and that with all units, which has none."""
        means = at(dropout_ensemble["error"], split="test")
        whole = at(dropout_ensemble["scaled_error"], split="test").expand_dims(mean=["all units"])
        return percent(named(xr.concat(xr.broadcast(means, whole, exclude=["mean"]), "mean"), "test error"))

    def divergence(dropout_ensemble: xr.Dataset) -> xr.DataArray:
        found = at(dropout_ensemble["divergence"], split="test", mean=["arithmetic", "geometric"])
        return log10(named(found, "divergence from all units", "nats"))

    one = {"depth": v.depth, "width": v.width}
    errors = {"test error": test_error, "test loss": test_loss}
    dropped = one | {"rate": v.rate, "input_rate": v.input_rate}
    return {
        "figure": partial(  # as figure 4 of Srivastava et al. 2014, at the end of training
            trends,
            measures={
                "test error": lambda summary: architectures(test_error(summary)),
                "test loss": lambda summary: named(architectures(test_loss(summary)), "test loss"),
            },
            along="network",
            by="dropout",
            names=NAMES,
        ),
        "rates": partial(
            one_setting_at_a_time,
            measures=errors,
            settings={
                "rate": one | {"rate": v.rates, "input_rate": v.input_rate},
                "input_rate": one | {"input_rate": v.input_rates, "rate": v.rate},
            },
        ),
        "ensemble": partial(
            learning_curves,
            measures={"test error": of_means, "divergence (log10)": divergence},
            along="size",
            by="mean",
            at=dropped,
            names=NAMES,
        ),
    }
