"""Numbers of the sides, and their differences from those of the first, with intervals over the seeds that both have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any, Literal

import numpy as np

from lossatlas.claims.means import mean_above
from lossatlas.claims.statistics import adjusted
from lossatlas.comparison.side import Pair, Side, paired, place_of

Numbers = Mapping[str, Mapping[str, float]]
"""Place of a run -> name of a quantity -> its value."""

Told = Literal["greater", "less", "cannot tell", ""]


@dataclass(frozen=True)
class Difference:
    """A quantity of one side, and how it differs from that of the first side.

    Parameters
    ----------
    quantity : str
        "test_error", or "surface: mean loss, train".
    side : str
        Label of the side.
    runs : int
        How many of its runs have the quantity.
    mean, sd : float
        Over these; sd with ddof 1, NaN for a single one.
    difference : float
        From the first side: the mean over the ``seeds`` that both have, else that of the means; NaN for the first.
    low, high : float
        Interval of the difference, by the tests of `lossatlas.claims.means`; NaN for fewer than five seeds.
    p_value : float
        Two-sided; NaN without an interval.
    seeds : int
        On how many pairs of seeds the difference rests.
    told : {"greater", "less", "cannot tell", ""}
        What the interval says of this side; "": there is none.
    corrected : {"greater", "less", "cannot tell", ""}
        The same, corrected for the number of all differences that are told at once (Holm).
    note : str
        Why nothing is told, or what was left out.
    """

    quantity: str
    side: str
    runs: int
    mean: float
    sd: float
    difference: float = nan
    low: float = nan
    high: float = nan
    p_value: float = nan
    seeds: int = 0
    told: Told = ""
    corrected: Told = ""
    note: str = ""


def differences(sides: Sequence[Side], numbers: Numbers, confidence: float = 0.95) -> list[Difference]:
    """Every quantity of every side, beside its difference from the first side's."""
    quantities = dict.fromkeys(name for of_run in numbers.values() for name in of_run)
    first, *others = sides
    pairs = [paired(side, first) for side in others]
    found = []
    for quantity in quantities:
        values = {name: of_run[quantity] for name, of_run in numbers.items() if quantity in of_run}
        reference = _summary(quantity, first, values)
        found.append(reference)
        for side, (of_side, note) in zip(others, pairs, strict=True):
            summary = _summary(quantity, side, values)
            if summary.runs and reference.runs:
                summary = _compared(summary, reference, of_side, values, confidence, note)
            found.append(summary)
    return _corrected(found, confidence)


def _summary(quantity: str, side: Side, values: Mapping[str, float]) -> Difference:
    known = np.array([values[place_of(run)] for run in side.runs if place_of(run) in values])
    with np.errstate(invalid="ignore"):  # of infinite values there is no deviation
        mean = float(known.mean()) if len(known) else nan
        sd = float(known.std(ddof=1)) if len(known) > 1 else nan
    return Difference(quantity, side.label, len(known), mean, sd)


def _compared(
    summary: Difference,
    reference: Difference,
    pairs: Sequence[Pair],
    values: Mapping[str, float],
    confidence: float,
    note: str,
) -> Difference:
    gaps = np.array([_mean(pair.first, values) - _mean(pair.second, values) for pair in pairs])
    gaps = gaps[np.isfinite(gaps)]
    if not len(gaps):
        return replace(
            summary, difference=summary.mean - reference.mean, note="no seed in common, so no interval"
        )
    estimate = mean_above(gaps, 0.0, confidence, "seeds")
    of_outcome: dict[str, Told] = {"holds": "greater", "fails": "less"}
    undecided: Told = "" if np.isnan(estimate.p_value) else "cannot tell"
    return replace(
        summary,
        difference=estimate.value,
        low=estimate.low,
        high=estimate.high,
        p_value=estimate.p_value,
        seeds=len(gaps),
        told=of_outcome.get(estimate.outcome, undecided),
        note="; ".join(filter(None, [estimate.note, note])),
    )


def _mean(names: Sequence[str], values: Mapping[str, float]) -> float:
    return float(np.mean([values.get(name, nan) for name in names]))


def _corrected(found: Sequence[Difference], confidence: float) -> list[Difference]:
    known = [one for one in found if not np.isnan(one.p_value)]
    p_values = dict(zip(map(id, known), adjusted([one.p_value for one in known]), strict=True))
    return [
        replace(one, corrected=one.told if p_values[id(one)] <= 1 - confidence + 1e-12 else "cannot tell")
        if id(one) in p_values
        else one
        for one in found
    ]


def plain(one: Difference) -> dict[str, Any]:
    """A difference as a row of a table: what is not a finite number is None."""
    return {
        key: None if isinstance(value, float) and not np.isfinite(value) else value
        for key, value in vars(one).items()
    }
