"""Estimates and what they decide; the smallest p value that a number of seeds can reach. Every test is two-sided."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, log2
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lossatlas.words import counted

Array = NDArray[np.float64]
Outcome = Literal["holds", "fails", "cannot tell"]

MINIMUM_PAIRS = 5  # with fewer, an interval says more about its tables than about the networks


@dataclass(frozen=True)
class Estimate:
    """An estimate with its confidence interval, and what the test says about the claim."""

    value: float
    low: float  # NaN where no interval can be given
    high: float
    p_value: float  # NaN where there is none; below 1 - confidence where the outcome is decided
    outcome: Outcome
    note: str = ""


def smallest_p_value(n: int) -> float:
    """Two-sided p value of n values that all lie on one side: that of the sign test, and of no exact test a smaller.

    >>> smallest_p_value(5), smallest_p_value(6)
    (0.0625, 0.03125)
    """
    return 2.0 ** (1 - n)


def least_number(confidence: float) -> int:
    """How many values it takes to decide anything at a confidence.

    >>> least_number(0.95), least_number(1 - 0.05 / 26)
    (6, 11)
    """
    return ceil(1 - log2(1 - confidence) - 1e-9)


def adjusted(p_values: Sequence[float]) -> Array:
    """The p values of claims that are made at once, by Holm's step-down method (1979); NaN counts as 1.

    The chance that any claim is decided wrongly is at most alpha if those are decided whose adjusted value is alpha or
    less, however the claims depend on each other.

    >>> adjusted([0.01, 0.04, 0.03, float("nan")])
    array([0.04, 0.09, 0.09, 1.  ])
    """
    known = np.nan_to_num(np.asarray(p_values, float), nan=1.0)
    order = np.argsort(known, kind="stable")
    stepped = np.maximum.accumulate(known[order] * np.arange(len(known), 0, -1))
    return np.minimum(stepped, 1.0)[np.argsort(order, kind="stable")]


def opposite(estimate: Estimate) -> Estimate:
    """The same estimate and interval, held against the opposite claim."""
    reverse: dict[Outcome, Outcome] = {"holds": "fails", "fails": "holds", "cannot tell": "cannot tell"}
    return replace(estimate, outcome=reverse[estimate.outcome])


def undecided(value: float, note: str) -> Estimate:
    """An estimate without an interval, and why."""
    return Estimate(value, np.nan, np.nan, np.nan, "cannot tell", note)


def confirmed(estimate: Estimate, lifted: Estimate) -> Estimate:
    """The ``estimate``, its outcome withheld if it is another once lower bounds are ``lifted`` above all values.

    Where both are decided alike, the larger of their p values counts: corrected for other claims, one may be open.

    >>> one, two = (Estimate(1.0, 0.5, 1.5, p, "holds") for p in (0.001, 0.02))
    >>> confirmed(one, two).p_value
    0.02
    """
    if estimate.outcome == "cannot tell":
        return estimate
    if lifted.outcome != estimate.outcome:
        return withheld(estimate)
    return replace(estimate, p_value=max(estimate.p_value, lifted.p_value))


def guarded(estimate: Estimate, leans_on: dict[Outcome, NDArray[np.bool_]]) -> Estimate:
    """The ``estimate``, its outcome withheld if one of those that it leans on is only a lower bound."""
    is_open = leans_on.get(estimate.outcome)
    return estimate if is_open is None or not is_open.any() else withheld(estimate)


def withheld(estimate: Estimate) -> Estimate:
    """The estimate without its outcome, which leans on values that are only lower bounds."""
    reason = f"would be {estimate.outcome!r}, but rests on values that are only lower bounds"
    return replace(estimate, outcome="cannot tell", p_value=np.nan, note=reason)


def few(n: int, confidence: float, what: str = "pairs") -> str:
    """Why nothing is decided on so few.

    >>> few(5, 0.95, "seeds")
    '5 usable seeds, at least 6 are needed at 95 %'
    """
    usable = counted(n, f"usable {what.removesuffix('s')}")
    return f"{usable}, at least {least_number(confidence)} are needed at {100 * confidence:g} %"
