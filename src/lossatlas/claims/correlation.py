"""Claims that measures go together over networks in their ranks: two, one more than another, or of two arms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.claims.claim import Claim
from lossatlas.claims.pairing import REPLICATE, bounds, left_out, only_dims, reached
from lossatlas.claims.rank_statistics import (
    CONSTANT,
    RESAMPLES,
    bootstrap_error,
    by_error,
    rank_correlation,
    spearman,
)
from lossatlas.claims.statistics import (
    MINIMUM_PAIRS,
    Array,
    Estimate,
    confirmed,
    few,
    opposite,
    share_above_half,
    undecided,
    withheld,
)
from lossatlas.claims.verdict import Verdict
from lossatlas.measures.datasets import Datasets, Measure, measured
from lossatlas.measures.selection import Selector, average, name_of, require, select
from lossatlas.words import counted


@dataclass(frozen=True, kw_only=True)
class RankCorrelation(Claim):
    """Over networks, the larger ``measure`` goes with the larger (``negative``: the smaller) ``other``.

    Spearman's rho over all cells of the sweep (within ``at``) and seeds, with an interval by bootstrap over seeds; see
    `rank_statistics.rank_correlation`. Networks of which either measure is NaN are left out; infinite values
    rank above all others. A value that is only a lower bound is tried as it stands and as the largest of all: if that
    changes the outcome, one cannot tell. The cells are those of the sweep, not a sample: what is said is said of them.

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
        Correlate the cells' means over seeds; by default the networks.

    Examples
    --------
    >>> coords = {"width": [1, 2, 4, 8], "seed": range(5)}
    >>> area = xr.DataArray(np.outer([0.1, 0.2, 0.5, 0.9], np.ones(5)), coords)
    >>> error = xr.DataArray(np.outer([9.0, 7.0, 5.0, 4.0], np.ones(5)), coords)
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
        means, networks = int(known.any(axis=0).sum()), int(known.sum())
        points = f"{counted(means, 'mean')} over seeds" if self.of_means else counted(networks, "network")
        return self.verdict(
            estimate,
            f"rank correlation of {name_of(measure)} and {name_of(other)} over {points}",
            seeds=int(known.any(axis=1).sum()),
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
    -``margin``. See `correlation_difference`. Networks of which one of the three is NaN are left out; infinite values
    rank above all others. A value that is only a lower bound is tried as it stands and as the largest of all: if that
    changes the outcome, one cannot tell.

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
    >>> coords = {"batch_size": [16, 32, 64, 164], "seed": range(5)}
    >>> noise = np.random.default_rng(0).normal(size=(3, 4, 5))
    >>> error, near, far = (xr.DataArray(np.arange(4.0)[:, None] + k * noise[k], coords) for k in range(3))
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
        estimate = self._judged(values)
        lifted = self._judged([np.where(o, np.inf, v) for v, o in zip(values, is_open, strict=True)])
        if lifted.outcome != estimate.outcome:
            estimate = withheld(estimate)
        known = ~np.isnan(np.stack(values)).any(axis=0)
        one, two, other = map(name_of, aligned)
        notes = [counted(int(known.sum()), "network")]
        if reached := sum(int(o.sum()) for o in is_open):
            notes.append(f"{reached} values reach the end of what was surveyed")
        return self.verdict(
            estimate,
            f"rank correlation of {other} with {one} less that with {two}",
            seeds=int(known.any(axis=1).sum()),
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

    Every cell of ``pool`` x seeds gives one comparison of the two arms, and agreement is tested
    against 1/2 by the exact binomial test. Comparisons left out: a value that is missing, a tie, and
    two values of which the smaller is only a lower bound.
    Cells of one seed share their random streams: they are independent only as far as their settings
    set them apart, and fewer than `MINIMUM_PAIRS <lossatlas.claims.statistics>` seeds cannot tell.

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
        Dimensions whose cells are compared one by one, beside the seeds; by default there are none.

    Examples
    --------
    >>> coords = {"batch_size": [16, 164], "seed": range(10)}
    >>> width = xr.DataArray(np.outer([2.0, 1.0], np.ones(10)), coords)
    >>> error = xr.DataArray(np.outer([7.0, 11.0], np.ones(10)), coords)
    >>> claim = RankingAgreement("L-F3", "The wider minimum generalises better",
    ...                          lambda: width, other=lambda: error,
    ...                          first={"batch_size": 16}, second={"batch_size": 164}, opposite=True)
    >>> verdict = claim({})
    >>> verdict.outcome, verdict.estimate
    ('holds', 1.0)
    """

    other: Measure
    first: Selector
    second: Selector
    opposite: bool = False
    pool: Sequence[str] = ()  # dimensions whose cells are compared one by one, beside the seeds

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        measure, other = measured(self.measure, datasets), measured(self.other, datasets)
        one = self._order(average(select(measure, self.at), self.mean_over))
        two = self._order(select(other, self.at))
        decided = (one != 0) & (two != 0)
        agree = (one == -two) if self.opposite else (one == two)
        trials = int(decided.sum())
        seeds = int(decided.any(axis=1).sum())
        estimate = share_above_half(int((agree & decided).sum()), trials, self.confidence)
        if trials >= MINIMUM_PAIRS > seeds:
            reason = f"{counted(seeds, 'seed')} with a usable comparison, at least {MINIMUM_PAIRS} are needed"
            estimate = replace(estimate, outcome="cannot tell", note=reason)
        left_out = decided.size - trials
        note = f"{left_out} of {decided.size} comparisons left out: missing, tied or only bounded"
        return self.verdict(
            estimate,
            f"share of {trials} comparisons in which {name_of(measure)} and {name_of(other)} agree as claimed",
            seeds=seeds,
            against=0.5,
            notes=[note] if left_out else [],
        )

    def _order(self, values: xr.DataArray) -> Array:
        """(seeds, pool), the sign of first - second; 0 where it is not known."""
        dims = [REPLICATE, *self.pool]
        one, two = (only_dims(select(values, arm), dims) for arm in (self.first, self.second))
        with np.errstate(invalid="ignore"):
            order = np.nan_to_num(np.sign(one.values - two.values))
        order[(order > 0) & bounds(two)] = 0.0
        order[(order < 0) & bounds(one)] = 0.0
        return order.reshape(len(order), -1)


def correlation_difference(
    one: Array,
    two: Array,
    other: Array,
    confidence: float,
    *,
    margin: float = 0.0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Spearman's rho of ``one`` with ``other`` less that of ``two``, and whether it is above -``margin``.

    All are (n, m), a row for each seed and a column for each cell of the sweep, NaN where not known; networks of which
    one of the three is NaN are left out of all. The interval is by bootstrap over seeds, as that of
    `rank_statistics.rank_correlation`: both correlations are of the same networks in every resample, so what they share
    cancels. Fewer than `MINIMUM_PAIRS` seeds cannot tell, nor can a quantity that is constant.

    >>> x = np.random.default_rng(0).normal(size=(5, 8))
    >>> estimate = correlation_difference(x, -x, x**3, confidence=0.95)
    >>> estimate.value, estimate.outcome
    (2.0, 'holds')
    """
    known = ~(np.isnan(one) | np.isnan(two) | np.isnan(other))
    seeds = known.any(axis=1)
    parts = [np.where(known, part, np.nan)[seeds] for part in (one, two, other)]
    n = int(seeds.sum())
    value = float(_difference(*parts)) if n else np.nan
    if n < MINIMUM_PAIRS:
        return undecided(value, few(n, "seeds"))
    if np.isnan(value):
        return undecided(value, CONSTANT)
    error = bootstrap_error(_difference, *parts, resamples=resamples)
    return by_error(value, error, n, confidence, threshold=-margin, most=2.0)


def _difference(one: Array, two: Array, other: Array) -> Array:
    flat = [part.reshape(*part.shape[:-2], -1) for part in (one, two, other)]
    return spearman(flat[0], flat[2]) - spearman(flat[1], flat[2])


def _aligned(claim: Claim, datasets: Datasets, *measures: Measure) -> tuple[xr.DataArray, ...]:
    """The measures of a claim over the same cells, each averaged over the dimensions that it has."""
    parts = [select(measured(measure, datasets), claim.at) for measure in measures]
    for dim in claim.mean_over:
        if not any(dim in part.dims for part in parts):
            raise ValueError(f"no dimension {dim!r} to average over; there are {list(parts[0].dims)}")
    over = [[dim for dim in claim.mean_over if dim in part.dims] for part in parts]
    return xr.broadcast(*(average(part, dims) for part, dims in zip(parts, over, strict=True)))


def _by_seed(values: xr.DataArray) -> tuple[Array, NDArray[np.bool_]]:
    """Values and which of them are lower bounds, as (seeds, cells)."""
    require(values, REPLICATE)
    ordered = values.transpose(REPLICATE, ...)
    n = len(ordered)
    return ordered.values.astype(float).reshape(n, -1), bounds(ordered).reshape(n, -1)


def _notes(one: Array, two: Array, known: NDArray[np.bool_]) -> list[str]:
    # Cells that no sweep has are none of its networks.
    notes = left_out(known[:, known.any(axis=0)], "networks", "or NaN")
    tied = max(known.sum() - len(np.unique(part[known])) for part in (one, two))
    if tied:
        notes.append(f"ties share their ranks: {tied} of {known.sum()} networks repeat a value of another")
    return notes
