"""Rank correlations: of the levels of an axis in each seed, and of measures over networks. Every test is two-sided."""

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import permutations, product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lossatlas.claims.means import mean_above
from lossatlas.claims.statistics import MINIMUM_PAIRS, Array, Estimate, Outcome, undecided
from lossatlas.words import counted

CONSTANT = "all the same: nothing to order by"
_ENUMERATED = 5040  # arrangements of settings that are all taken; of more, as many by chance
_SAME = 1e-9  # by which statistics of the same ranks, added up in another order, may differ
_MINIMUM_LEVELS = 3  # two levels make a difference, not a trend


def mean_trend(values: Array, confidence: float) -> Estimate:
    """Do the values rise along a row's levels? The mean over rows of Spearman's rho between values and order.

    It is 1 where every row rises at every step, -1 where every row falls, and held against 0 by `means.mean_above`, the
    rows being the sample: what half of them do strongly and the other half do not is no trend.

    ``values``: (n, k), rows of seeds, columns of levels in the claimed order; infinite values rank as such, ties share
    their ranks. None may be NaN. ValueError for fewer than three levels.

    >>> rising = np.arange(4) + np.random.default_rng(0).normal(scale=0.3, size=(6, 4))
    >>> estimate = mean_trend(rising, confidence=0.95)
    >>> estimate.outcome, round(estimate.value, 2), estimate.p_value
    ('holds', 1.0, 0.03125)
    """
    return cut(mean_above(level_correlations(values), 0.0, confidence, "seeds"), -1.0, 1.0)


def level_correlations(values: Array) -> Array:
    """Spearman's rho of each row of (n, k) values with the order of its levels, (n,); 0 where all are the same.

    >>> level_correlations(np.array([[1.0, 2.0, 3.0], [3.0, 1.0, 2.0]]))
    array([ 1. , -0.5])
    """
    k = values.shape[1]
    if k < _MINIMUM_LEVELS:
        raise ValueError(f"a trend needs {_MINIMUM_LEVELS} levels or more, got {k}")
    centred = stats.rankdata(values, axis=1) - (k + 1) / 2
    rhos: Array = centred @ (np.arange(1, k + 1) - (k + 1) / 2) * 12 / (k**3 - k)
    return rhos


def cut(estimate: Estimate, least: float, most: float) -> Estimate:
    """The estimate of what cannot be beyond two values."""
    low, high = (float(np.clip(end, least, most)) for end in (estimate.low, estimate.high))
    return replace(estimate, low=low, high=high)


def rank_correlation(one: Array, two: Array, confidence: float, *, of_means: bool = False) -> Estimate:
    """Spearman's rho of two quantities over networks, and whether it is above 0: by permutation of the settings.

    Settings have effects that all seeds share, so the networks of a setting are no independent witnesses, nor are
    settings that share a value of a factor. So the values of each factor change places, with all their networks, in one
    of the two quantities: where the two have nothing to do with each other, all such arrangements are equally likely.
    The p value is twice the share of those whose correlation is as large, or as small. The interval reaches as far as
    all but the extreme ones, and is cut at -1 and 1.

    ``one``, ``two``: (n, *factors), seeds first, NaN where not known; a network of which either is NaN is left out.
    Ties share their ranks. ``of_means``: correlate the settings' means over seeds rather than the networks. A sweep of
    few arrangements cannot tell (at 95 % it takes 40), nor can a quantity that is constant, nor fewer than
    `MINIMUM_PAIRS` seeds.

    >>> x = np.tile(np.arange(5.0), (5, 1))
    >>> estimate = rank_correlation(x, x**2, confidence=0.95)
    >>> estimate.outcome, round(estimate.p_value * 120)  # of the 5! arrangements
    ('holds', 2)
    """
    one, two = known_together(one, two)
    seeds = len(one)
    if of_means:
        one, two = (_mean_over_seeds(part) for part in (one, two))
    x, y, factors = _ranks(one), _ranks(two), one.shape[1:]
    return _among(lambda arranged: correlations(x, y, arranged), factors, seeds, confidence, most=1.0)


def correlation_difference(
    one: Array, two: Array, other: Array, confidence: float, *, margin: float = 0.0
) -> Estimate:
    """Spearman's rho of ``one`` with ``other`` less that of ``two``, and whether it is above -``margin``.

    As `rank_correlation`: in each arrangement ``other`` changes its places against the two, which stay together, so
    that what they share cancels. Networks of which one of the three is NaN are left out of all.

    >>> x = np.random.default_rng(0).normal(size=(5, 8))
    >>> estimate = correlation_difference(x, -x, x**3, confidence=0.95)
    >>> estimate.value, estimate.outcome
    (2.0, 'holds')
    """
    one, two, other = known_together(one, two, other)
    x, y, z = map(_ranks, (one, two, other))

    def difference(arranged: NDArray[np.intp]) -> Array:
        return correlations(x, z, arranged) - correlations(y, z, arranged)

    return _among(difference, one.shape[1:], len(one), confidence, threshold=-margin, most=2.0)


def _among(
    statistic: Callable[[NDArray[np.intp]], Array],
    factors: tuple[int, ...],
    seeds: int,
    confidence: float,
    *,
    threshold: float = 0.0,
    most: float,
) -> Estimate:
    """Is a statistic of the settings as they are above a threshold? Judged by what it is in other arrangements."""
    if not seeds:
        return undecided(np.nan, _few_seeds(0))
    found = statistic(arrangements(factors))
    value, gap = float(found[0]), float(found[0]) - threshold
    if np.isnan(value):
        return undecided(value, CONSTANT)
    if seeds < MINIMUM_PAIRS:
        return undecided(value, _few_seeds(seeds))
    # One that is not defined may be anything.
    above, below = (np.nan_to_num(found[1:], nan=nan) for nan in (np.inf, -np.inf))
    as_far = (above >= gap - _SAME).sum() if gap > 0 else (below <= gap + _SAME).sum()
    p_value = min(1.0, 2 * float(1 + as_far) / len(found))
    extreme = int((1 - confidence) / 2 * len(found) + 1e-9)  # so many may lie on a side, this one among them
    if not extreme:
        return replace(undecided(value, _few_arrangements(len(found), confidence)), p_value=p_value)
    low, high = value - np.sort(above)[-extreme], value - np.sort(below)[extreme - 1]
    decided: Outcome = "holds" if gap > 0 else "fails"
    outcome = decided if p_value <= 1 - confidence else "cannot tell"
    return cut(Estimate(value, float(low), float(high), p_value, outcome), -most, most)


def _few_seeds(n: int) -> str:
    return f"{counted(n, 'usable seed')}, at least {MINIMUM_PAIRS} are needed"


def _few_arrangements(number: int, confidence: float) -> str:
    least = math.ceil(2 / (1 - confidence) - 1e-9)
    needed = f"at least {least} are needed at {100 * confidence:g} %"
    return f"{counted(number, 'arrangement')} of the values of the sweep's axes, {needed}"


@cache
def arrangements(factors: tuple[int, ...]) -> NDArray[np.intp]:
    """Orders of the flattened settings, (arrangements, settings), the given one first: those of each factor's values.

    >>> arrangements((2, 2))
    array([[0, 1, 2, 3],
           [1, 0, 3, 2],
           [2, 3, 0, 1],
           [3, 2, 1, 0]])
    """
    number = math.prod(map(math.factorial, factors))
    orders: list[Any]
    if number <= _ENUMERATED:
        orders = list(product(*(permutations(range(k)) for k in factors)))
    else:
        rng = np.random.default_rng(0)
        drawn = ([rng.permutation(k) for k in factors] for _ in range(_ENUMERATED - 1))
        orders = [[range(k) for k in factors], *drawn]
    places = np.arange(math.prod(factors)).reshape(factors)
    return np.stack([places[np.ix_(*order)].ravel() for order in orders])


def known_together(*parts: Array) -> list[Array]:
    """The quantities, each (n, *factors), NaN where one is; seeds and values of factors without any are left out."""
    known = ~np.any([np.isnan(part) for part in parts], axis=0)
    kept = np.ix_(*(known.any(axis=tuple(set(range(known.ndim)) - {axis})) for axis in range(known.ndim)))
    return [np.where(known, part, np.nan)[kept] for part in parts]


def correlations(one: Array, two: Array, arranged: NDArray[np.intp]) -> Array:
    """Of centred ranks, each (n, settings), the second in each of the arrangements; NaN if one is constant."""
    (x, x_known), (y, y_known) = (
        (np.nan_to_num(part), (~np.isnan(part)).astype(float)) for part in (one, two)
    )
    places = np.arange(one.shape[1])

    def summed(one: Array, two: Array) -> Array:
        """Over all networks, from the sums over the seeds of each pair of settings."""
        sums: Array = (one.T @ two)[places, arranged].sum(axis=1)
        return sums

    with np.errstate(invalid="ignore"):
        return summed(x, y) / np.sqrt(summed(x**2, y_known) * summed(x_known, y**2))


def _ranks(values: Array) -> Array:
    """Ranks of the networks among all, less their mean, (n, settings)."""
    policy: Literal["omit", "propagate"] = "omit" if np.isnan(values).any() else "propagate"
    ranks = stats.rankdata(values, nan_policy=policy).reshape(len(values), math.prod(values.shape[1:]))
    return ranks - np.nanmean(ranks) if ranks.size else ranks


def _mean_over_seeds(values: Array) -> Array:
    """The settings' means, as of one seed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of a setting that was not surveyed is NaN
        return np.nanmean(values, axis=0, keepdims=True)
