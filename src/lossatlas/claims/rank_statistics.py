"""Rank correlations: of the levels of an axis in each seed, and of measures over networks. Every test is two-sided."""

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lossatlas.claims.means import mean_above
from lossatlas.claims.statistics import MINIMUM_PAIRS, Array, Estimate, Outcome, undecided
from lossatlas.words import counted

CONSTANT = "all the same: nothing to order by"
_ENUMERATED = 5040  # arrangements of settings that are all taken; of more, as many by chance
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
    k = values.shape[1]
    if k < _MINIMUM_LEVELS:
        raise ValueError(f"a trend needs {_MINIMUM_LEVELS} levels or more, got {k}")
    centred = stats.rankdata(values, axis=1) - (k + 1) / 2
    rhos = centred @ (np.arange(1, k + 1) - (k + 1) / 2) * 12 / (k**3 - k)
    return cut(mean_above(rhos, 0.0, confidence, "seeds"), -1.0, 1.0)


def cut(estimate: Estimate, least: float, most: float) -> Estimate:
    """The estimate of what cannot be beyond two values."""
    low, high = (float(np.clip(end, least, most)) for end in (estimate.low, estimate.high))
    return replace(estimate, low=low, high=high)


def rank_correlation(one: Array, two: Array, confidence: float, *, of_means: bool = False) -> Estimate:
    """Spearman's rho of two quantities over networks, and whether it is above 0: by permutation of the settings.

    Settings have effects that all seeds share, so the networks of a setting are no independent witnesses, nor are
    settings that share a value of a factor. So the values of each factor change places, with all their networks, in one
    of the two quantities: where the two have nothing to do with each other, all such arrangements are equally likely.
    The p value is the share of those whose correlation is as far from 0. The interval reaches as far as all but the
    extreme ones, and is cut at -1 and 1.

    ``one``, ``two``: (n, *factors), seeds first, NaN where not known; a network of which either is NaN is left out.
    Ties share their ranks. ``of_means``: correlate the settings' means over seeds rather than the networks. A sweep of
    few arrangements cannot tell (at 95 % it takes 20), nor can a quantity that is constant, nor fewer than
    `MINIMUM_PAIRS` seeds.

    >>> x = np.tile(np.arange(5.0), (5, 1))
    >>> estimate = rank_correlation(x, x**2, confidence=0.95)
    >>> estimate.outcome, round(estimate.p_value * 120)  # of the 5! arrangements
    ('holds', 2)
    """
    one, two = known_together(one, two)
    if of_means:
        one, two = (_mean_over_seeds(part) for part in (one, two))
    x, y = _ranks(one), _ranks(two)
    return among_arrangements(lambda arranged: correlations(x, y, arranged), two, 0.0, confidence, most=1.0)


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

    return among_arrangements(difference, other, -margin, confidence, most=2.0)


def among_arrangements(
    statistic: Callable[[NDArray[np.intp]], Array],
    values: Array,
    threshold: float,
    confidence: float,
    *,
    most: float,
) -> Estimate:
    """A statistic of arranged ``values``, (n, *factors), and whether it is above a threshold as they are arranged."""
    if (n := len(values)) < MINIMUM_PAIRS:
        value = float(statistic(arrangements(values.shape[1:])[:1])[0]) if n else np.nan
        return undecided(value, f"{counted(n, 'usable seed')}, at least {MINIMUM_PAIRS} are needed")
    found = statistic(arrangements(values.shape[1:]))
    value, others = float(found[0]), np.nan_to_num(abs(found[1:]), nan=np.inf)
    if np.isnan(value):
        return undecided(value, CONSTANT)
    p_value = (1 + int((others >= abs(value - threshold) - 1e-9).sum())) / len(found)
    extreme = int(
        (1 - confidence) * len(found) + 1e-9
    )  # as many as may be as far from 0, this one among them
    if not extreme:
        least = math.ceil(1 / (1 - confidence) - 1e-9)
        few = f"{counted(len(found), 'arrangement')} of the settings, {100 * confidence:g} % take {least}"
        return replace(undecided(value, few), p_value=p_value)
    reach = np.sort(others)[-extreme]
    decided: Outcome = "holds" if value > threshold else "fails"
    outcome = decided if p_value <= 1 - confidence else "cannot tell"
    return cut(Estimate(value, value - reach, value + reach, p_value, outcome), -most, most)


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
    known = ~np.isnan(one), ~np.isnan(two)
    x, y = np.nan_to_num(one), np.nan_to_num(two)
    products, x_squares, y_squares = (
        np.einsum("ns,nas->a", a, b[:, arranged], optimize=True)
        for a, b in ((x, y), (x**2, known[1].astype(float)), (known[0].astype(float), y**2))
    )
    with np.errstate(invalid="ignore"):
        return products / np.sqrt(x_squares * y_squares)


def _ranks(values: Array) -> Array:
    """Ranks of the networks among all, less their mean, (n, settings)."""
    missing = bool(np.isnan(values).any())
    ranks = stats.rankdata(values, nan_policy="omit" if missing else "propagate").reshape(len(values), -1)
    return ranks - np.nanmean(ranks) if ranks.size else ranks


def _mean_over_seeds(values: Array) -> Array:
    """The settings' means, as of one seed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of a setting that was not surveyed is NaN
        return np.nanmean(values, axis=0, keepdims=True)
