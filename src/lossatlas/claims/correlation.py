"""Claims that measures go together over networks in their ranks: two, one more than another, or of two arms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.claims.claim import Claim
from lossatlas.claims.means import mean_above
from lossatlas.claims.pairing import REPLICATE, bounds, left_out, only_dims, reached
from lossatlas.claims.rank_statistics import correlation_difference, cut, rank_correlation
from lossatlas.claims.statistics import Array, Estimate, confirmed, opposite
from lossatlas.claims.verdict import Verdict
from lossatlas.measures.datasets import Datasets, Measure, measured
from lossatlas.measures.selection import Selector, average, name_of, require, select
from lossatlas.words import counted


@dataclass(frozen=True, kw_only=True)
class RankCorrelation(Claim):
    """Over networks, the larger ``measure`` goes with the larger (``negative``: the smaller) ``other``.

    Spearman's rho over all settings of the sweep (within ``at``) and seeds, judged among what it comes to when the
    values of each axis change places in one of the measures; see `rank_statistics.rank_correlation`. It takes an axis
    of five values or so: three axes of two, say, have eight arrangements, of which none is rare.
    Networks of which either measure is NaN are left out; infinite values rank above all others. A value that is only a
    lower bound is tried as it stands and as the largest of all: if that changes the outcome, one cannot tell.

    Parameters
    ----------
    id, text, measure, at, mean_over, paper, confidence : as of `Claim`
        Its name and sentence, the function of datasets that it is about, the part of the sweep,
        dimensions averaged first, printed numbers, and confidence of the interval.
        ``mean_over`` applies to both measures, where they have the dimension.
    other : Measure
        Function of datasets as ``measure``.
    negative : bool, default False
        Whether the larger goes with the smaller; by default with the larger.
    of_means : bool, default False
        Correlate the settings' means over seeds; by default the networks.

    Examples
    --------
    >>> coords = {"width": [1, 2, 4, 8, 16], "seed": range(5)}
    >>> area = xr.DataArray(np.outer([0.1, 0.2, 0.5, 0.9, 1.2], np.ones(5)), coords)
    >>> error = xr.DataArray(np.outer([9.0, 7.0, 5.0, 4.0, 3.5], np.ones(5)), coords)
    >>> claim = RankCorrelation("L-F6", "Wide minima generalise better", lambda: area,
    ...                         other=lambda: error, negative=True)
    >>> verdict = claim({})
    >>> verdict.outcome, round(verdict.estimate, 12)
    ('holds', -1.0)
    """

    other: Measure
    negative: bool = False
    of_means: bool = False

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        measure, other = _aligned(self, datasets, self.measure, self.other)
        (one, one_open), (two, two_open) = map(_by_seed, (measure, other))
        lifted = self._judged(np.where(one_open, np.inf, one), np.where(two_open, np.inf, two))
        estimate = confirmed(self._judged(one, two), lifted)
        known = ~(np.isnan(one) | np.isnan(two))
        settings, networks = int(known.any(axis=0).sum()), int(known.sum())
        points = f"{counted(settings, 'mean')} over seeds" if self.of_means else counted(networks, "network")
        return self.verdict(
            estimate,
            f"rank correlation of {name_of(measure)} and {name_of(other)} over {points}",
            seeds=_seeds(known),
            against=0.0,
            notes=[*_notes(one, two, known), *reached(one_open | two_open, what="values ")],
        )

    def _judged(self, one: Array, two: Array) -> Estimate:
        estimate = rank_correlation(one, two, self.confidence, of_means=self.of_means)
        return opposite(estimate) if self.negative else estimate


@dataclass(frozen=True, kw_only=True)
class StrongerCorrelation(Claim):
    """Over networks, ``measure`` goes with ``other`` (``negative``: against it) more closely than ``than`` does.

    The difference of the two Spearman correlations, counted in the direction that is claimed, is held against
    -``margin`` as a `RankCorrelation` against 0; see `rank_statistics.correlation_difference`. Networks of which one of
    the three is NaN are left out; infinite values rank above all others. A value that is only a lower bound is tried as
    it stands and as the largest of all: if that changes the outcome, one cannot tell.

    Parameters
    ----------
    id, text, measure, at, mean_over, paper, confidence : as of `Claim`
        Its name and sentence, the function of datasets that it is about, the part of the sweep,
        dimensions averaged first, printed numbers, and confidence of the interval.
        ``mean_over`` applies to each measure that has the dimension.
    other, than : Measure
        Functions of datasets as ``measure``: what both are correlated with, and the rival of ``measure``.
    negative : bool, default False
        Whether the larger goes with the smaller; by default with the larger.
    margin : float, default 0.0
        Difference of correlations, >= 0: 0, the default, for "more closely", more for "at least as closely, to within".

    Raises
    ------
    ValueError
        For a margin that is out of range.

    Examples
    --------
    >>> coords = {"batch_size": [8, 16, 32, 64, 96, 128, 164], "seed": range(5)}
    >>> noise = np.random.default_rng(0).normal(size=(3, 7, 5))
    >>> error, near, far = (xr.DataArray(np.arange(7.0)[:, None] + k**4 * noise[k], coords) for k in range(3))
    >>> claim = StrongerCorrelation("L-A2", "Some widths tell more than others", lambda: near,
    ...                             other=lambda: error, than=lambda: far)
    >>> claim({}).outcome
    'holds'
    """

    other: Measure
    than: Measure
    negative: bool = False
    margin: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.margin >= 0:
            raise ValueError(f"{self.id}: margin must be >= 0, got {self.margin:g}")

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        aligned = _aligned(self, datasets, self.measure, self.than, self.other)
        values, is_open = zip(*map(_by_seed, aligned), strict=True)
        lifted = self._judged([np.where(o, np.inf, v) for v, o in zip(values, is_open, strict=True)])
        estimate = confirmed(self._judged(values), lifted)
        known = ~np.isnan(np.stack(values)).any(axis=0)
        one, two, other = map(name_of, aligned)
        notes = [counted(int(known.sum()), "network")]
        if reached := sum(int(o.sum()) for o in is_open):
            notes.append(f"{reached} values reach the end of what was surveyed")
        return self.verdict(
            estimate,
            f"rank correlation of {other} with {one} less that with {two}",
            seeds=_seeds(known),
            against=-self.margin,
            notes=notes,
        )

    def _judged(self, values: list[Array] | tuple[Array, ...]) -> Estimate:
        one, two, other = values
        if self.negative:  # ranks from the other end
            one, two = -one, -two
        return correlation_difference(one, two, other, self.confidence, margin=self.margin)


@dataclass(frozen=True, kw_only=True)
class RankingAgreement(Claim):
    """Of two arms, the one ahead in ``measure`` is the one ahead (``opposite``: behind) in ``other``.

    In each setting, a cell of ``pool``, and each seed the two arms are compared once in either measure. The share of
    seeds in which both agree is one value a setting, and the mean over settings is held against 1/2, as a
    `PairedDifference` is over seeds. For the arms of a setting differ by effects that all its seeds share, and two
    measures that have nothing to do with each other agree in all of them half of the time. So it takes six settings,
    each with effects of its own: what sets the arms apart in all settings alike agrees by chance in all.
    Comparisons left out: a value that is missing, a tie, and two values of which the smaller is only a lower bound.

    Parameters
    ----------
    id, text, measure, at, mean_over, paper, confidence : as of `Claim`
        Its name and sentence, the function of datasets that it is about, the part of the sweep,
        dimensions averaged first, printed numbers, and confidence of the interval.
        ``mean_over`` applies to ``measure`` alone.
    other : Measure
        Function of datasets as ``measure``.
    first, second : Selector
        The two arms: dimension -> the value wanted of it, or a list of those wanted.
    opposite : bool, default False
        Whether the one ahead is behind in ``other``; by default it is ahead there as well.
    pool : sequence of str, optional
        Dimensions whose cells are the settings; by default there are none, and one setting decides nothing.

    Examples
    --------
    >>> coords = {"batch_size": [16, 164], "lr": [0.01, 0.02, 0.05, 0.1, 0.2, 0.5], "seed": range(5)}
    >>> width = xr.DataArray(np.ones((2, 6, 5)), coords) * xr.DataArray([2.0, 1.0], dims="batch_size")
    >>> error = 10 - width
    >>> claim = RankingAgreement("L-F3", "The wider minimum generalises better",
    ...                          lambda: width, other=lambda: error, opposite=True, pool=["lr"],
    ...                          first={"batch_size": 16}, second={"batch_size": 164})
    >>> verdict = claim({})
    >>> verdict.outcome, verdict.estimate
    ('holds', 1.0)
    """

    other: Measure
    first: Selector
    second: Selector
    opposite: bool = False
    pool: Sequence[str] = ()

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        measure, other = measured(self.measure, datasets), measured(self.other, datasets)
        one = self._order(average(select(measure, self.at), self.mean_over))
        two = self._order(select(other, self.at))
        decided = (one != 0) & (two != 0)  # (seeds, settings)
        agree = decided & ((one == -two) if self.opposite else (one == two))
        usable = decided.any(axis=0)
        shares = agree.sum(axis=0)[usable] / decided.sum(axis=0)[usable]
        estimate = cut(mean_above(shares, 0.5, self.confidence, "settings"), 0.0, 1.0)
        trials = int(decided.sum())
        left_out = decided.size - trials
        note = f"{left_out} of {decided.size} comparisons left out: missing, tied or only bounded"
        return self.verdict(
            estimate,
            f"share of {trials} comparisons in {counted(len(shares), 'setting')} in which {name_of(measure)} and "
            f"{name_of(other)} agree as claimed",
            seeds=int(decided.any(axis=1).sum()),
            against=0.5,
            notes=[note] if left_out else [],
        )

    def _order(self, values: xr.DataArray) -> Array:
        """(seeds, settings), the sign of first - second; 0 where it is not known."""
        dims = [REPLICATE, *self.pool]
        one, two = (only_dims(select(values, arm), dims) for arm in (self.first, self.second))
        with np.errstate(invalid="ignore"):
            order = np.nan_to_num(np.sign(one.values - two.values))
        order[(order > 0) & bounds(two)] = 0.0
        order[(order < 0) & bounds(one)] = 0.0
        return order.reshape(len(order), -1)


def _aligned(claim: Claim, datasets: Datasets, *measures: Measure) -> tuple[xr.DataArray, ...]:
    """The measures of a claim over the same cells, each averaged over the dimensions that it has."""
    parts = [select(measured(measure, datasets), claim.at) for measure in measures]
    for dim in claim.mean_over:
        if not any(dim in part.dims for part in parts):
            raise ValueError(f"no dimension {dim!r} to average over; there are {list(parts[0].dims)}")
    over = [[dim for dim in claim.mean_over if dim in part.dims] for part in parts]
    return xr.broadcast(*(average(part, dims) for part, dims in zip(parts, over, strict=True)))


def _by_seed(values: xr.DataArray) -> tuple[Array, NDArray[np.bool_]]:
    """Values and which of them are lower bounds, as (seeds, *factors)."""
    require(values, REPLICATE)
    ordered = values.transpose(REPLICATE, ...)
    return ordered.values.astype(float), bounds(ordered)


def _seeds(known: NDArray[np.bool_]) -> int:
    """How many have a usable network."""
    return int(known.reshape(len(known), -1).any(axis=1).sum())


def _notes(one: Array, two: Array, known: NDArray[np.bool_]) -> list[str]:
    # Settings that no sweep has are none of its networks.
    notes = left_out(known[:, known.any(axis=0)], "networks", "or NaN")
    tied = max(known.sum() - len(np.unique(part[known])) for part in (one, two))
    if tied:
        notes.append(f"ties share their ranks: {tied} of {known.sum()} networks repeat a value of another")
    return notes
