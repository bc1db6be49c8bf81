"""Interval estimates of rank correlations over seeds, and what they decide. Every test here is two-sided."""

import warnings
from collections.abc import Callable
from math import factorial, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lossatlas.claims.statistics import MINIMUM_PAIRS, Array, Estimate, few, side, too_few, undecided

RESAMPLES = 2000
CONSTANT = "all the same: nothing to order by"
_MINIMUM_LEVELS = 3  # two levels make a difference, not a trend


def mean_trend(values: Array, confidence: float) -> Estimate:
    """Do the values rise along a row's levels? Page's trend test (1963), guarded by a t test over the rows.

    The estimate is the mean over rows of Spearman's rho between a row's values and the levels' order: 1 where every row
    rises at every step, -1 where every row falls. Page's L is a linear function of it, which under "no trend in any
    row" has standard deviation 1/sqrt(n (k - 1)). That test would call a trend what half of the rows do strongly and
    the other half do not, so the interval is the wider one of Page's and of the t interval of the rows' rhos, cut at
    -1 and 1, and the p value the larger. Where the rows' rhos are all the same, Page's alone.

    ``values``: (n, k), rows of seeds, columns of levels in the claimed order; infinite values rank as such, ties share
    their ranks. None may be NaN. Fewer than `MINIMUM_PAIRS` rows cannot tell. ValueError for fewer than three levels.

    >>> rising = np.arange(4) + np.random.default_rng(0).normal(scale=0.1, size=(5, 4))
    >>> estimate = mean_trend(rising, confidence=0.95)
    >>> estimate.outcome, estimate.value, estimate.p_value < 0.001
    ('holds', 1.0, True)
    """
    n, k = values.shape
    if k < _MINIMUM_LEVELS:
        raise ValueError(f"a trend needs {_MINIMUM_LEVELS} levels or more, got {k}")
    centred = stats.rankdata(values, axis=1) - (k + 1) / 2
    rhos = centred @ (np.arange(1, k + 1) - (k + 1) / 2) * 12 / (k**3 - k)
    if n < MINIMUM_PAIRS:
        return too_few(rhos, "seeds")
    rho, deviation = float(rhos.mean()), 1 / sqrt(n * (k - 1))
    reach = stats.norm.isf((1 - confidence) / 2) * deviation
    p_value = 2 * stats.norm.sf(abs(rho) / deviation)
    error = float(rhos.std(ddof=1)) / sqrt(n)
    if error > 0:
        reach = max(reach, stats.t.isf((1 - confidence) / 2, n - 1) * error)
        p_value = max(p_value, 2 * stats.t.sf(abs(rho) / error, n - 1))
    low, high = max(rho - reach, -1.0), min(rho + reach, 1.0)
    return Estimate(rho, float(low), float(high), float(p_value), side(low, high, 0.0))


def rank_correlation(
    one: Array,
    two: Array,
    confidence: float,
    *,
    of_means: bool = False,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Spearman's rho of two quantities over networks, and whether it is above 0: bootstrap over seeds.

    Networks of one seed share their random streams, so seeds are drawn with replacement, each with all its networks.
    With few of them the percentiles of what is drawn are far too close together (five give 82 to 90 % where 95 are
    asked for), so the interval is rho +- t(n - 1) s sqrt(n / (n - 1)), s the standard deviation over ``resamples``
    drawn with a fixed seed: its coverage is 92 to 97 % for five seeds. Cut at -1 and 1. Where every
    resample orders the networks alike, the interval is that value, and p the chance that n seeds agree on one
    order of m cells or on its opposite, 2 / (m!)^n.

    ``one``, ``two``: (n, m), a row for each seed, a column for each cell of the sweep, NaN where not known; a network
    of which either is NaN is left out. Ties share their ranks. ``of_means``: correlate the m cells' means over seeds
    rather than the networks. Fewer than `MINIMUM_PAIRS` seeds cannot tell, nor can a quantity that is constant.

    >>> x = np.tile(np.arange(4.0), (5, 1))
    >>> rank_correlation(x, x**2, confidence=0.95).outcome
    'holds'
    """
    known = ~(np.isnan(one) | np.isnan(two))
    seeds, cells = known.any(axis=1), known.any(axis=0)
    one, two = (np.where(known, part, np.nan)[seeds][:, cells] for part in (one, two))
    n, m = one.shape

    def correlation(one: Array, two: Array) -> Array:
        return spearman(_arranged(one, of_means), _arranged(two, of_means))

    rho = float(correlation(one, two)) if n else np.nan
    if n < MINIMUM_PAIRS:
        return undecided(rho, few(n, "seeds"))
    if np.isnan(rho):
        return undecided(rho, CONSTANT)
    error = bootstrap_error(correlation, one, two, resamples=resamples)
    return _all_alike(rho, n, m, confidence) if error <= 1e-12 else by_error(rho, error, n, confidence)


def bootstrap_error(statistic: Callable[..., Array], *parts: Array, resamples: int) -> float:
    """Standard error of a statistic of ``parts``, each (n, ...), by drawing their n rows together."""
    n = len(parts[0])
    drawn = np.random.default_rng(0).integers(n, size=(resamples, n))
    # NaN where one network was drawn n times.
    return float(np.nanstd(statistic(*(part[drawn] for part in parts)))) * sqrt(n / (n - 1))


def by_error(
    value: float, error: float, n: int, confidence: float, *, threshold: float = 0.0, most: float = 1.0
) -> Estimate:
    """Is a value of n rows above a threshold? By its t interval, cut at -``most`` and ``most``."""
    reach = stats.t.isf((1 - confidence) / 2, n - 1) * error
    low, high = max(value - reach, -most), min(value + reach, most)
    gap = value - threshold
    p_value = 2 * stats.t.sf(abs(gap) / error, n - 1) if error > 0 else float(gap == 0)
    return Estimate(value, float(low), float(high), float(p_value), side(low, high, threshold))


def _all_alike(rho: float, n: int, m: int, confidence: float) -> Estimate:
    p_value = 2 / float(factorial(m)) ** n if m > 1 else 2 / float(factorial(n))
    note = "the same order in all resamples of the seeds: the interval is that value"
    outcome = side(rho, rho, 0.0) if p_value < 1 - confidence else "cannot tell"
    return Estimate(rho, rho, rho, min(1.0, p_value), outcome, note)


def _arranged(values: Array, of_means: bool) -> Array:
    """(..., n, m) -> (..., m), the means over seeds, or (..., n m), all networks."""
    if not of_means:
        return values.reshape(*values.shape[:-2], -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of a cell that was not drawn is NaN
        return np.nanmean(values, axis=-2)


def spearman(one: Array, two: Array) -> NDArray[np.float64]:
    """Rank correlation over the last axis of two arrays that are NaN in the same places; NaN if one is constant."""
    x, y = (_centred_ranks(part) for part in (one, two))
    with np.errstate(invalid="ignore"):
        return np.nansum(x * y, axis=-1) / np.sqrt(np.nansum(x**2, axis=-1) * np.nansum(y**2, axis=-1))


def _centred_ranks(values: Array) -> Array:
    missing = bool(np.isnan(values).any())  # "omit" goes row by row in Python
    ranks = stats.rankdata(values, axis=-1, nan_policy="omit" if missing else "propagate")
    return ranks - np.nanmean(ranks, axis=-1, keepdims=True)
