"""Interval estimates of means over seeds, and what they decide.

No test of a mean is right for every distribution: with a chance of (1 - q)^n, n values show nothing of what happens
with probability q. An outcome is decided only where two tests agree, each of which is right where the other errs:

- the sign-flip test, exact for values that are symmetric about their mean, however heavy their tails. Its interval is
  between means of subsets (Hartigan 1969, "Using subsample values as typical values"); n values on one side of the
  threshold have p = 2^(1-n), and none less;
- Hall's t test (1992, "On the removal of skewness by transformation"), with Student's quantile t made t + 1.25 t^3 / n:
  so much it takes until skewed values err as rarely as they may (docs/verdicts.md, benchmarks/error_rates.py). Its
  expansion is one for means near the threshold. One that is many standard errors away from it needs no skewness to be
  told: Student's t decides as well, by the tail that it has for lognormal values, each p value times four.
"""

from functools import cache

import numpy as np
from scipy import stats

from lossatlas.claims.statistics import (
    MINIMUM_PAIRS,
    Array,
    Estimate,
    Outcome,
    few,
    least_number,
    undecided,
)

_CUBIC = 1.25  # of the term t^3 / n by which Hall's interval is made wider
_TIMES = 4  # of p values by Student's t alone
_WIDE = 2.2  # of its quantiles, with half the degrees of freedom: beyond those of lognormal values
_ENUMERATED = (
    14  # so many values have all their subsets taken; more have as many subsets, drawn with a fixed seed
)


def mean_above(samples: Array, threshold: float, confidence: float, what: str = "pairs") -> Estimate:
    """Is the mean of a sample above a threshold, at every place? On differences of pairs, a paired test.

    Holds if it is above at each place at the full level (an intersection-union test needs no correction), and fails if
    it is below at one, whose p value is multiplied by the number of places among which it was found (Bonferroni). The
    estimate is the least of the places' means, and the interval that of this least mean. Where all values are the same
    there is no spread to build an interval from, and the sign test decides.

    ``samples``: (n,) or (n, places), finite; ``what`` the n are is said where they are too few. Fewer than
    `MINIMUM_PAIRS` have no interval, fewer than `least_number` decide nothing.

    >>> estimate = mean_above(np.array([1.0, 2.0, 1.2, 1.9, 1.5, 1.1, 1.4, 1.6]), threshold=0.0, confidence=0.95)
    >>> estimate.outcome, estimate.p_value
    ('holds', 0.0078125)
    """
    samples = samples if samples.ndim == 2 else samples[:, None]
    n, places = samples.shape
    mean = float(samples.mean(axis=0).min()) if n else np.nan
    if n < MINIMUM_PAIRS:
        return undecided(mean, few(n, confidence, what))
    above, below = tails(samples, threshold)
    level = 1 - confidence
    low, high = limits(samples, level / 2)[0].min(), limits(samples, level / 2 / places)[1].min()
    return _told(
        samples, 2 * above.max(), 2 * places * below.min(), (low, high), confidence, what, mean > threshold
    )


def mean_within(sample: Array, margin: float, confidence: float) -> Estimate:
    """Is the mean of a sample within +-margin of 0? Equivalence: `mean_between` of -margin and margin.

    ``sample``: (n,), finite. ValueError for a margin that is not above 0.

    >>> mean_within(np.array([0.1, -0.2, 0.0, 0.2, 0.1, 0.0]), margin=2.0, confidence=0.95).outcome
    'holds'
    """
    if margin <= 0:
        raise ValueError(f"margin must be above 0, got {margin:g}")
    return mean_between(sample, -margin, margin, confidence)


def mean_between(
    sample: Array, least: float, most: float, confidence: float, what: str = "pairs"
) -> Estimate:
    """Does the mean of a sample lie between two values? Either may be infinite.

    Holds if it is above the one and below the other, each at the level of one side, fails if it is below the one or
    above the other. Where all values are the same the sign test decides, as for `mean_above`.

    ``sample``: (n,), finite. ValueError unless least < most.

    >>> sample = np.array([2.31, 2.29, 2.30, 2.30, 2.31, 2.30])
    >>> mean_between(sample, least=2.2, most=2.4, confidence=0.95).outcome
    'holds'
    """
    if not least < most:
        raise ValueError(f"least must be below most, got {least:g} and {most:g}")
    n = len(sample)
    mean = float(sample.mean()) if n else np.nan
    if n < MINIMUM_PAIRS:
        return undecided(mean, few(n, confidence, what))
    column = sample[:, None]
    (above_least, below_least), (above_most, below_most) = (tails(column, end)[:, 0] for end in (least, most))
    low, high = limits(column, (1 - confidence) / 2)[:, 0]
    inside, outside = 2 * max(above_least, below_most), 2 * min(below_least, above_most)
    return _told(column, inside, outside, (low, high), confidence, what, least < mean < most)


def _told(
    samples: Array,
    holds: float,
    fails: float,
    interval: tuple[float, float],
    confidence: float,
    what: str,
    likelier: bool,
) -> Estimate:
    """The estimate of p values of what speaks for the claim and against it; ``likelier``: the mean is on its side."""
    n, mean = len(samples), float(samples.mean(axis=0).min())
    p_value = min(1.0, float(holds if likelier else fails))
    decided: Outcome = "holds" if likelier else "fails"
    outcome = decided if p_value <= 1 - confidence else "cannot tell"
    low, high = map(float, interval)
    note = few(n, confidence, what) if n < least_number(confidence) else ""
    if np.ptp(samples, axis=0).max() <= _rounding(samples):
        low = high = np.nan
        same = f"the same in all {n} {what}, so no interval: judged by the sign test"
        note = "; ".join(filter(None, [same, note]))
    return Estimate(mean, low, high, p_value, outcome, note)


def tails(samples: Array, threshold: float) -> Array:
    """One-sided p values of means (n, places) being above a threshold, and of their being below; (2, places).

    >>> tails(np.arange(11.0, 17.0)[:, None], 0.0)[0] == 2**-6
    array([ True])
    """
    if not np.isfinite(threshold):
        beyond = np.zeros(samples.shape[1]), np.ones(samples.shape[1])
        return np.stack(beyond if threshold < 0 else beyond[::-1])
    subsets, tolerance = _subset_means(samples), _rounding(samples)
    flips = [(subsets <= threshold + tolerance).sum(axis=0), (subsets >= threshold - tolerance).sum(axis=0)]
    n, far = len(samples), _distance(samples, threshold) * np.sqrt(len(samples)) / _WIDE
    score = _narrowed(_hall(samples, threshold), n)
    by_hall = np.stack([stats.t.sf(score, n - 1), stats.t.cdf(score, n - 1)])
    alone = np.stack([stats.t.sf(far, (n - 1) / 2), stats.t.cdf(far, (n - 1) / 2)])
    return np.maximum((1 + np.stack(flips)) / (1 + len(subsets)), np.minimum(by_hall, _TIMES * alone))


def limits(samples: Array, tail: float) -> Array:
    """Ends of the interval of means (n, places) that leaves so much on each side; (2, places).

    >>> limits(np.arange(1.0, 7.0)[:, None], 0.1)[:, 0].round(2)
    array([1.86, 5.14])
    """
    n = len(samples)
    reach = _widened(stats.t.isf(tail, n - 1), n)
    by_hall = _hall_inverse(samples, np.array([[reach], [-reach]]))
    mean, sd, _ = _moments(samples)
    alone = _WIDE * stats.t.isf(tail / _TIMES, (n - 1) / 2) * sd / np.sqrt(n)
    ends = np.stack([np.maximum(by_hall[0], mean - alone), np.minimum(by_hall[1], mean + alone)])
    subsets = _subset_means(samples)
    if place := int(tail * (len(subsets) + 1) + 1e-9):  # else so small a p value is beyond the sign-flip test
        ordered = np.sort(subsets, axis=0)
        ends = np.stack([np.minimum(ends[0], ordered[place - 1]), np.maximum(ends[1], ordered[-place])])
    return ends


def _widened(t: float, n: int) -> float:
    return t + _CUBIC * t**3 / n


def _narrowed(wide: Array, n: int) -> Array:
    """The t of which `_widened` makes this: the real root of a cubic."""
    scale = np.sqrt(n / (3 * _CUBIC))
    return 2 * scale * np.sinh(np.arcsinh(1.5 * wide / scale) / 3)


def _subset_means(samples: Array) -> Array:
    """(subsets, places). Those at or below a threshold are the flips of signs whose mean is as large as it was."""
    chosen = _subsets(len(samples))
    return chosen @ samples / chosen.sum(axis=1, keepdims=True)


@cache
def _subsets(n: int) -> Array:
    """Non-empty subsets of n, (subsets, n), each 1 where it has a value."""
    if n <= _ENUMERATED:
        numbers = np.arange(1, 2**n)
        return (numbers[:, None] >> np.arange(n) & 1).astype(float)
    drawn = np.random.default_rng(0).integers(2, size=(2**_ENUMERATED - 1, n))
    return drawn[drawn.any(axis=1)].astype(float)


def _moments(samples: Array) -> tuple[Array, Array, Array]:
    """Mean, standard deviation and unbiased skewness of columns, 0 where there is no spread."""
    n, mean, sd = len(samples), samples.mean(axis=0), samples.std(axis=0, ddof=1)
    spread = sd > _rounding(samples)
    cubes = ((samples - mean) / np.where(spread, sd, 1.0)) ** 3
    skewness = np.where(spread, cubes.mean(axis=0) * n**2 / ((n - 1) * (n - 2)), 0.0)
    return mean, np.where(spread, sd, 0.0), skewness


def _hall(samples: Array, threshold: float) -> Array:
    """Hall's t of the means against a threshold: of (1 + g a / 3)^3, a the standardised distance, g the skewness."""
    n, (_, _, g), a = len(samples), _moments(samples), _distance(samples, threshold)
    return np.sqrt(n) * (a + g * a**2 / 3 + g**2 * a**3 / 27 + g / (6 * n))


def _distance(samples: Array, threshold: float) -> Array:
    """How many standard deviations the means are above a threshold."""
    mean, sd, _ = _moments(samples)
    gap = mean - threshold
    gap = np.where(abs(gap) <= _rounding(samples), 0.0, gap)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(gap / sd, nan=0.0, posinf=1e90, neginf=-1e90)


def _hall_inverse(samples: Array, t: Array) -> Array:
    """The thresholds at which `_hall` is ``t``."""
    n, (mean, sd, g) = len(samples), _moments(samples)
    u = t / np.sqrt(n) - g / (6 * n)
    safe = np.where(abs(g) < 1e-6, 1.0, g)
    a = np.where(abs(g) < 1e-6, u, 3 / safe * (np.cbrt(1 + safe * u) - 1))
    return mean - sd * a


def _rounding(samples: Array) -> float:
    """What a difference of two float64 numbers of this size may be off by."""
    return 1e-12 * max(1.0, float(abs(samples).max()))
