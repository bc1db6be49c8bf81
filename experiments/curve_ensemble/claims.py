"""What Garipov et al. 2018 (arXiv:1802.10026) say about ensembles of networks on a curve.

The pair at t is the mean of the probabilities of the first end and of the network at t. Printed numbers are of
ResNet-164 on CIFAR-100.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, Trend, printed
from lossatlas.experiments import Values
from lossatlas.measures import Measure, at, difference, percent, stacked

CURVES = (  # as the ids and the texts name them
    ("Bezier", "Bezier curve", {"method": "bezier"}),
    ("chain", "polygonal chain", {"method": "chain"}),
)


def pair(path: xr.Dataset) -> xr.DataArray:
    """Test error of the pair at t."""
    return percent(at(path["pair_error"], split="test"))


def excess(path: xr.Dataset) -> xr.DataArray:
    """Over that of the two ends."""
    return difference(pair(path), first={"t": 0.4}, second={"t": 1.0})


def ends_and_fifty(fifty: xr.Dataset) -> xr.DataArray:
    errors = (fifty["pair_error"], fifty["growing_error"])
    return stacked(*(percent(at(error, split="test", t=1.0)) for error in errors), over="ensemble")


def plain_and_tempered(score: str) -> Measure:
    def plain_and_tempered(fifty: xr.Dataset) -> xr.DataArray:
        """Score of the ensemble of all 50, of their probabilities and of their tempered ones."""
        found = [at(fifty[f"{kind}_{score}"], split="test", t=1.0) for kind in ("growing", "tempered")]
        return stacked(*map(percent, found) if score == "error" else found, over="ensemble")

    return plain_and_tempered


def claims(v: Values) -> Iterator[Claim]:
    for name, curve, method in CURVES:
        yield InRange(
            f"G-F2 {name}, plateau",
            f"On the {curve} the pair at t = 0.4 is as good as that of the two ends, to half a point of test error",
            excess,
            most=v.alike,
            at=method,
        )
    for name, curve, method in CURVES:
        yield Trend(
            f"G-F2 {name}, fall",
            f"On the {curve} the pair's test error falls from t = 0 to t = 0.4",
            pair,
            along="t",
            among=[0.0, 0.1, 0.2, 0.3, 0.4],
            decreasing=True,
            at=method,
        )
    for name, curve, method in CURVES:
        yield PairedDifference(
            f"G-A6 {name}",
            f"The ensemble of 50 networks along the {curve} has a lower test error than that of its two ends",
            ends_and_fifty,
            greater={"ensemble": 0},
            lesser={"ensemble": 1},
            at=method,
            paper=printed(22.0, 21.03, source="Garipov et al. 2018, supplement, two ends against 50 points"),
        )
    for name, curve, method in CURVES:
        yield PairedDifference(
            f"G-A6 {name}, tempered",
            f"Tempered, the 50 networks along the {curve} have a lower test error together",
            plain_and_tempered("error"),
            greater={"ensemble": 0},
            lesser={"ensemble": 1},
            at=method,
            paper=printed(
                21.03, 20.7, source="Garipov et al. 2018, supplement, 50 points as they are and tempered"
            ),
        )
    for name, curve, method in CURVES:
        yield PairedDifference(
            f"{name}, tempered likelihood",
            f"Tempered, the 50 networks along the {curve} have a lower negative log-likelihood together",
            plain_and_tempered("nll"),
            greater={"ensemble": 0},
            lesser={"ensemble": 1},
            at=method,
        )
