"""What Srivastava et al. 2014 (JMLR 15) say of dropout on MNIST; the values of their figure 4 are not printed.

Margins are this project's own.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, PairedRatio
from lossatlas.experiments import Values
from lossatlas.measures import at, named, percent

WITH, WITHOUT = {"dropout": "with"}, {"dropout": "without"}


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def claims(v: Values) -> Iterator[Claim]:
    one = {"depth": v.depth, "width": v.width}
    dropped = one | {"rate": v.rate, "input_rate": v.input_rate}

    def both(values: xr.DataArray) -> xr.DataArray:
        """With dropout and without, of each architecture."""
        pair = [
            at(values, rate=rate, input_rate=input_rate)
            for rate, input_rate in ((v.rate, v.input_rate), (0.0, 0.0))
        ]
        return xr.concat(pair, xr.Variable("dropout", ["with", "without"]), combine_attrs="override")

    def errors(summary: xr.Dataset) -> xr.DataArray:
        return both(test_error(summary))

    def losses(summary: xr.Dataset) -> xr.DataArray:
        return both(named(summary["test_nll"], "test loss"))

    def errors_of_pairs(summary: xr.Dataset) -> xr.DataArray:
        """Of any architecture with dropout (depth, width) beside any without (its_depth, its_width)."""
        ours, theirs = at(errors(summary), **WITH), at(errors(summary), **WITHOUT)
        pair = xr.broadcast(ours, theirs.rename(depth="its_depth", width="its_width"))
        pairs = xr.concat(pair, xr.Variable("dropout", ["with", "without"]))
        return named(pairs, "test error", "%")

    def above_least(summary: xr.Dataset) -> xr.DataArray:
        """How far the error at rate 0.5 lies above the least of all rates."""
        along = at(test_error(summary), rate=v.rates, input_rate=v.input_rate)
        return named(
            at(along, rate=v.rate) - along.min("rate", skipna=False), "test error above the least", "%"
        )

    def ensemble_error(dropout_ensemble: xr.Dataset) -> xr.DataArray:
        """Of the network with all units, and of the mean of the networks that are drawn."""
        of_means = at(dropout_ensemble["error"], split="test", size=v.samples)
        whole = at(dropout_ensemble["scaled_error"], split="test").expand_dims(mean=["all units"])
        return percent(
            named(xr.concat([of_means, whole], "mean", coords="minimal", compat="override"), "test error")
        )

    def divergence(dropout_ensemble: xr.Dataset) -> xr.DataArray:
        of_means = at(dropout_ensemble["divergence"], split="test", size=v.samples)
        return named(of_means, "divergence from the network with all units", "nats")

    def drawn_error(dropout_ensemble: xr.Dataset) -> xr.DataArray:
        of_means = at(dropout_ensemble["error"], split="test", mean="arithmetic")
        return percent(named(of_means, "test error"))

    yield PairedDifference(
        "clusters",
        "All errors with dropout lie below all without, of whatever depth and width either is",
        errors_of_pairs,
        greater=WITHOUT,
        lesser=WITH,
        worst_over=["depth", "width", "its_depth", "its_width"],
    )
    yield PairedDifference(
        "on average",
        "In the mean over the architectures dropout lowers the test error",
        errors,
        greater=WITHOUT,
        lesser=WITH,
        mean_over=["depth", "width"],
    )
    yield PairedDifference(
        "on average (loss)",
        "In the mean over the architectures dropout lowers the test loss",
        losses,
        greater=WITHOUT,
        lesser=WITH,
        mean_over=["depth", "width"],
    )
    yield InRange(
        "half is near the best",
        "To drop half of the hidden units is within half a point of the best of the rates",
        above_least,
        most=v.near,
        at=one,
    )
    yield PairedDifference(
        "too much",
        "To drop 90 % of the hidden units is worse than half",
        test_error,
        greater={"rate": 0.9},
        lesser={"rate": v.rate},
        at=one | {"input_rate": v.input_rate},
    )
    yield PairedDifference(
        "inputs nearer 0",
        "Of inputs less is to be dropped: half is worse than a fifth",
        test_error,
        greater={"input_rate": 0.5},
        lesser={"input_rate": v.input_rate},
        at=one | {"rate": v.rate},
    )
    for mean in ("arithmetic", "geometric"):
        yield Equivalence(
            f"all units ({mean})",
            f"The network with all units errs as the {mean} mean of fifty that dropout draws, to within half a point",
            ensemble_error,
            first={"mean": "all units"},
            second={"mean": mean},
            margin=v.same,
            at=dropped,
        )
    yield PairedRatio(
        "geometric mean",
        "It stands for the geometric mean rather than the arithmetic: its probabilities diverge less from that",
        divergence,
        greater={"mean": "arithmetic"},
        lesser={"mean": "geometric"},
        at=dropped,
    )
    yield PairedDifference(
        "many networks",
        "Fifty networks that dropout draws err less together than one of them",
        drawn_error,
        greater={"size": 1},
        lesser={"size": v.samples},
        at=dropped,
    )
