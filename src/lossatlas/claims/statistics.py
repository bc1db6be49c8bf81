"""Interval estimates and what they decide. Every test here is two-sided."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lossatlas.words import counted

Array = NDArray[np.float64]
Outcome = Literal["holds", "fails", "cannot tell"]

MINIMUM_PAIRS = 5  # with fewer, a t interval says more about its tables than about the networks


@dataclass(frozen=True)
class Estimate:
    """An estimate with its confidence interval, and what the interval says about the claim."""

    value: float
    low: float  # NaN where no interval can be given
    high: float
    p_value: float  # NaN where there is none
    outcome: Outcome
    note: str = ""


def mean_above(sample: Array, threshold: float, confidence: float) -> Estimate:
    """Is the mean of a sample above a threshold? One-sample t test; on differences, the paired t test.

    Holds if the confidence interval of the mean lies wholly above the threshold, fails if wholly
    below. Where all values are the same there is no spread to build an interval from: at the threshold
    itself nothing can be said; off it the exact sign test decides (p = 2^(1-n), so at 95 % it takes six).

    ``sample``: (n,), finite. Fewer than `MINIMUM_PAIRS` cannot tell.

    >>> mean_above(np.array([1.0, 2.0, 1.0, 2.0, 1.5]), threshold=0.0, confidence=0.95).outcome
    'holds'
    """
    if len(sample) < MINIMUM_PAIRS:
        return too_few(sample)
    mean = float(sample.mean())
    if _without_spread(sample):
        return _all_alike(mean, threshold, len(sample), confidence)
    test = stats.ttest_1samp(sample, threshold)
    interval = test.confidence_interval(confidence)
    low, high = float(interval.low), float(interval.high)
    return Estimate(mean, low, high, float(test.pvalue), side(low, high, threshold))


def _all_alike(mean: float, threshold: float, n: int, confidence: float) -> Estimate:
    if np.isclose(mean, threshold, rtol=1e-12, atol=1e-12):
        return undecided(mean, f"no difference in any of {n} pairs")
    p_value = 2.0 ** (1 - n)
    decided: Outcome = "holds" if mean > threshold else "fails"
    outcome = decided if p_value < 1 - confidence else "cannot tell"
    note = f"the same difference in all {n} pairs, so no interval: judged by the sign test"
    return Estimate(mean, np.nan, np.nan, p_value, outcome, note)


def mean_within(sample: Array, margin: float, confidence: float) -> Estimate:
    """Is the mean of a sample within +-margin of 0? Equivalence: `mean_between` of -margin and margin.

    ``sample``: (n,), finite. ValueError for a margin that is not above 0.

    >>> mean_within(np.array([0.1, -0.2, 0.0, 0.2, 0.1]), margin=1.0, confidence=0.95).outcome
    'holds'
    """
    if margin <= 0:
        raise ValueError(f"margin must be above 0, got {margin:g}")
    return mean_between(sample, -margin, margin, confidence)


def mean_between(
    sample: Array, least: float, most: float, confidence: float, what: str = "pairs"
) -> Estimate:
    """Does the mean of a sample lie between two values? By the inclusion of its t interval.

    Holds if the confidence interval of the mean lies between ``least`` and ``most``, fails if wholly outside; either
    may be infinite. The p value is that of the two one-sided t tests, doubled, so that it is below 1 - confidence
    exactly when the claim holds. Where all values are the same the interval is that value.

    ``sample``: (n,), finite. Fewer than `MINIMUM_PAIRS` cannot tell; ``what`` they are is said then. ValueError unless
    least < most.

    >>> mean_between(np.array([2.31, 2.29, 2.30, 2.30, 2.31]), least=2.25, most=2.35, confidence=0.95).outcome
    'holds'
    """
    if not least < most:
        raise ValueError(f"least must be below most, got {least:g} and {most:g}")
    if len(sample) < MINIMUM_PAIRS:
        return too_few(sample, what)
    mean = float(sample.mean())
    if _without_spread(sample):
        note = f"the same in all {len(sample)} {what}: the interval is that value"
        return Estimate(mean, mean, mean, np.nan, _inside(mean, mean, least, most), note)
    interval = stats.ttest_1samp(sample, 0.0).confidence_interval(confidence)
    low, high = float(interval.low), float(interval.high)
    above = stats.ttest_1samp(sample, least, alternative="greater").pvalue if np.isfinite(least) else 0.0
    below = stats.ttest_1samp(sample, most, alternative="less").pvalue if np.isfinite(most) else 0.0
    p_value = min(1.0, 2 * float(max(above, below)))
    return Estimate(mean, low, high, p_value, _inside(low, high, least, most))


def share_above_half(successes: int, trials: int, confidence: float) -> Estimate:
    """Is a share above one half? Exact (Clopper-Pearson) binomial interval and exact binomial test.

    >>> share_above_half(10, 10, confidence=0.95).outcome
    'holds'
    >>> share_above_half(5, 5, confidence=0.95).outcome  # all of five is still a chance of 1 in 16
    'cannot tell'
    """
    if trials < MINIMUM_PAIRS:
        return undecided(successes / trials if trials else np.nan, few(trials))
    test = stats.binomtest(successes, trials, 0.5)
    interval = test.proportion_ci(confidence, method="exact")
    low, high = float(interval.low), float(interval.high)
    return Estimate(successes / trials, low, high, float(test.pvalue), side(low, high, 0.5))


def side(low: float, high: float, threshold: float) -> Outcome:
    """What an interval decides on being above a threshold."""
    if low > threshold:
        return "holds"
    return "fails" if high < threshold else "cannot tell"


def _inside(low: float, high: float, least: float, most: float) -> Outcome:
    if least < low and high < most:
        return "holds"
    return "fails" if low > most or high < least else "cannot tell"


def opposite(estimate: Estimate) -> Estimate:
    """The same estimate and interval, held against the opposite claim."""
    reverse: dict[Outcome, Outcome] = {"holds": "fails", "fails": "holds", "cannot tell": "cannot tell"}
    return replace(estimate, outcome=reverse[estimate.outcome])


def undecided(value: float, note: str) -> Estimate:
    """An estimate without an interval, and why."""
    return Estimate(value, np.nan, np.nan, np.nan, "cannot tell", note)


def confirmed(estimate: Estimate, lifted: Estimate) -> Estimate:
    """The ``estimate``, its outcome withheld if it is another once lower bounds are ``lifted`` above all values."""
    return estimate if estimate.outcome in ("cannot tell", lifted.outcome) else withheld(estimate)


def guarded(estimate: Estimate, leans_on: dict[Outcome, NDArray[np.bool_]]) -> Estimate:
    """The ``estimate``, its outcome withheld if one of those that it leans on is only a lower bound."""
    is_open = leans_on.get(estimate.outcome)
    return estimate if is_open is None or not is_open.any() else withheld(estimate)


def withheld(estimate: Estimate) -> Estimate:
    """The estimate without its outcome, which leans on values that are only lower bounds."""
    reason = f"would be {estimate.outcome!r}, but rests on values that are only lower bounds"
    return replace(estimate, outcome="cannot tell", note=reason)


def too_few(sample: Array, what: str = "pairs") -> Estimate:
    """The mean of a sample, without an interval."""
    return undecided(float(sample.mean()) if len(sample) else np.nan, few(len(sample), what))


def few(n: int, what: str = "pairs") -> str:
    """Why nothing is decided."""
    usable = counted(n, f"usable {what.removesuffix('s')}")
    return f"{usable}, at least {MINIMUM_PAIRS} are needed"


def _without_spread(sample: Array) -> bool:
    """Equal up to the rounding of a difference of two float64 numbers."""
    return bool(np.ptp(sample) <= 1e-12 * max(1.0, float(abs(sample).max())))
