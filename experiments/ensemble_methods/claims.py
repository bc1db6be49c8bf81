"""What is said of the members of ensembles: by what they differ, and how much of their errors they have in common.

Section 1.2.4 of the distance-kernel thesis has equation 1.14, and Goodfellow et al. 2016 ("Deep Learning", section
7.11) the same: of k members whose errors have a mean square v and a mean product c, the mean errs by v / k +
(k - 1) c / k. Neither prints numbers. Those of Huang et al. 2017 (arXiv:1704.00109) are of ResNet-110 on CIFAR-10.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, Trend, printed
from lossatlas.experiments import Values
from lossatlas.measures import (
    at,
    between_members,
    ensemble_error,
    mean,
    named,
    of_members,
    overlap,
    percent,
    ratio,
    stacked,
)

TABLE_1 = "Huang et al. 2017, Table 1, ResNet-110 on CIFAR-10"
INITIALISATIONS, BAGGING, ONE_FOLD = (
    {"method": method} for method in ("initialisations", "bagging", "one_fold")
)
ARCHITECTURES, SNAPSHOTS, CURVE, SINGLE = (
    {"method": method} for method in ("architectures", "snapshots", "curve", "single")
)
LESS_DATA = [
    "initialisations",
    "all_but_fold",
    "bagging",
    "one_fold",
]  # all images, 75 %, 63 %, 25 %, of 4 folds


def error(ensemble: xr.Dataset) -> xr.DataArray:
    """Test error of all members together."""
    return percent(at(ensemble["error"], split="test"))


def brier(ensemble: xr.Dataset) -> xr.DataArray:
    return named(at(ensemble["brier"], split="test"), "Brier score")


def products(ensemble: xr.Dataset) -> xr.DataArray:
    return at(ensemble["error_product"], split="test")


def variance(ensemble: xr.Dataset) -> xr.DataArray:
    return named(of_members(products(ensemble)), "v")


def covariance(ensemble: xr.Dataset) -> xr.DataArray:
    return named(between_members(products(ensemble)), "c")


def in_common(ensemble: xr.Dataset) -> xr.DataArray:
    """Share of a member's error that another has too: 1 leaves an ensemble nothing to gain."""
    return named(ratio(covariance(ensemble), variance(ensemble)), "c / v")


def shared(ensemble: xr.Dataset) -> xr.DataArray:
    """Overlap of the images that two members get wrong."""
    return percent(overlap(at(ensemble["both_wrong"], split="test")))


def one_and_all(ensemble: xr.Dataset) -> xr.DataArray:
    """Test error of a member, in the mean, and of all together."""
    one = percent(mean(at(ensemble["member_error"], split="test"), "member"))
    return named(stacked(one, error(ensemble), over="of"), "test error", "%")


def farthest_from_identity(ensemble: xr.Dataset) -> xr.DataArray:
    """Brier score less what equation 1.14 makes of v and c, at the method where they are farthest apart."""
    gap = abs(brier(ensemble) - ensemble_error(products(ensemble)))
    return named(gap.max("method"), "largest distance from v / k + (k - 1) c / k")


def claims(v: Values) -> Iterator[Claim]:
    yield InRange(
        "identity",
        "By whatever its members differ, the Brier score of an ensemble is v / k + (k - 1) c / k, to rounding",
        farthest_from_identity,
        most=v.exact,
    )
    yield PairedDifference(
        "initialisations, one",
        "Networks that differ in their initialisation alone err less together than one of them",
        one_and_all,
        greater={"of": 0},
        lesser={"of": 1},
        at=INITIALISATIONS,
    )
    yield PairedDifference(
        "initialisations, single",
        "They err less, by the Brier score, than one network with the training of all",
        brier,
        greater=SINGLE,
        lesser=INITIALISATIONS,
    )
    yield Trend(
        "less data, v",
        "The fewer images a member is trained on (all, all folds but one, a resample, one fold), the larger v",
        variance,
        along="method",
        among=LESS_DATA,
    )
    yield Trend(
        "less data, c / v",
        "And the less of it two members have in common: c / v falls",
        in_common,
        along="method",
        among=LESS_DATA,
        decreasing=True,
    )
    yield PairedDifference(
        "bagging",
        "Networks profit from all images more than from differing in them: initialisations have a lower Brier score "
        "together than resamples",
        brier,
        greater=BAGGING,
        lesser=INITIALISATIONS,
    )
    yield PairedDifference(
        "one fold",
        "So they have than networks of one fold each, which have least in common",
        brier,
        greater=ONE_FOLD,
        lesser=INITIALISATIONS,
    )
    yield PairedDifference(
        "architectures, overlap",
        "Networks of other architectures get other images wrong: fewer in common than initialisations of one",
        shared,
        greater=INITIALISATIONS,
        lesser=ARCHITECTURES,
    )
    yield PairedDifference(
        "architectures",
        "And have a lower Brier score together",
        brier,
        greater=INITIALISATIONS,
        lesser=ARCHITECTURES,
    )
    yield PairedDifference(
        "snapshots, overlap",
        "Snapshots of one run get more of the same images wrong than networks of other initialisations",
        shared,
        greater=SNAPSHOTS,
        lesser=INITIALISATIONS,
    )
    yield PairedDifference(
        "snapshots",
        "And yet err less together, for each goes on from the last",
        error,
        greater=INITIALISATIONS,
        lesser=SNAPSHOTS,
        paper=printed(7.35, 5.73, source=TABLE_1),
    )
    yield PairedDifference(
        "curve, overlap",
        "Networks on a curve between two of the initialisations get more of the same images wrong than these",
        shared,
        greater=CURVE,
        lesser=INITIALISATIONS,
    )
