"""Verdict: what a claim came to, with all that it rests on, and what is remarked on it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any, get_args

from lossatlas.claims.statistics import Outcome

TESTS_VERSION = 4
"""Raised where the same data may come to another outcome, so that what was judged is judged anew."""


@dataclass(frozen=True, kw_only=True)
class Paper:
    """What the paper prints for the arms of a comparison or a trend. None where it prints nothing.

    Parameters
    ----------
    first, second : float or None
        What is printed for the arm that the claim names first, and for the other.
    source : str
        Where it stands: "Li et al. 2018, Fig. 2a".
    approximate : bool, default False
        Whether it was read off a picture; by default it was not.
    further : tuple of float or None, optional
        Of a trend's third level and on; by default there are none.
    """

    first: float | None
    second: float | None
    source: str
    approximate: bool = False
    further: tuple[float | None, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "further", tuple(self.further))  # lists come from YAML and JSON

    def number(self, arm: int) -> float | None:
        """What is printed for an arm, counted from 0."""
        numbers = (self.first, self.second, *self.further)
        return numbers[arm] if arm < len(numbers) else None


def printed(*numbers: float | None, source: str, approximate: bool = False) -> Paper:
    """What a paper prints for the arms of a claim, in their order; None where it prints nothing.

    Parameters
    ----------
    *numbers : float or None
        In the order of the arms.
    source : str
        Where they stand: "Li et al. 2018, Fig. 2a".
    approximate : bool, default False
        Whether they were read off a picture; by default they were not.

    Returns
    -------
    Paper
        With those numbers.

    Examples
    --------
    >>> printed(5.89, 5.07, 4.34, source="Li et al. 2018, Fig. 6").number(2)
    4.34
    """
    first, second, *further = (*numbers, None, None)[: max(2, len(numbers))]
    return Paper(first=first, second=second, further=tuple(further), source=source, approximate=approximate)


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One side of a comparison as it was reproduced, over seeds, beside the paper's number.

    Parameters
    ----------
    label : str
        "batch size 128".
    mean, sd : float
        Over seeds, in units of the measure; sd with ddof 1, NaN for fewer than two.
    paper : float, optional
        What the paper prints; None where it prints nothing.
    """

    label: str
    mean: float
    sd: float
    paper: float | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Outcome of a claim. A number that cannot be given is NaN, never a guess.

    Parameters
    ----------
    id, text : str
        Those of the claim.
    outcome : {"holds", "fails", "cannot tell"}
        What the claim came to.
    statistic : str
        What was estimated: "mean difference of test error".
    units : str
        Of the estimate; "" for a ratio or a share.
    estimate : float
        Its value.
    interval : tuple of float
        Low and high end, in the same units.
    confidence : float
        Of this interval alone, such as 0.95.
    against : float
        What the interval is held against: 0, or a ratio, or 1/2.
    p_value : float
        Two-sided, of the side on which the estimate lies: at most 1 - confidence where an outcome is decided.
    seeds : int
        How many it rests on.
    arms : tuple of Arm, optional
        Sides of the comparison, as they were reproduced; by default there are none.
    paper : Paper, optional
        What the paper prints; None: nothing.
    note : str, default ""
        Why it cannot tell, what was left out, which values are lower bounds; "" if there is nothing to note.
    corrected : {"holds", "fails", "cannot tell"}, optional
        Outcome corrected for the number of claims of the experiment (Holm); None if they were not judged together.
    remark : str, default ""
        Why it came out so, in the words of the experiment's author; "" if nothing is said.
    """

    id: str
    text: str
    outcome: Outcome
    statistic: str
    units: str
    estimate: float
    interval: tuple[float, float]
    confidence: float
    against: float
    p_value: float
    seeds: int
    arms: tuple[Arm, ...] = ()
    paper: Paper | None = None
    note: str = ""
    corrected: Outcome | None = None
    remark: str = ""


def verdicts_from_json(text: str) -> list[Verdict]:
    """Verdicts as `to_json <lossatlas.claims.to_json>` wrote them; null becomes NaN again.

    Parameters
    ----------
    text : str
        Content of a verdict.json.

    Returns
    -------
    list of Verdict
        In their order there.

    Raises
    ------
    ValueError
        For what is no JSON.
    """
    return [_read(entry) for entry in json.loads(text)["claims"]]


def _read(entry: dict[str, Any]) -> Verdict:
    low, high = map(_number, entry["interval"])
    numbers = {name: _number(entry[name]) for name in ("estimate", "p_value")}
    arms = tuple(
        Arm(**{**arm, "mean": _number(arm["mean"]), "sd": _number(arm["sd"])}) for arm in entry["arms"]
    )
    paper = entry["paper"] and Paper(**entry["paper"])
    return Verdict(**{**entry, **numbers, "interval": (low, high), "arms": arms, "paper": paper})


def _number(value: float | None) -> float:
    return nan if value is None else value


_Remarks = Mapping[str, Mapping[str, str]]  # id of a claim -> outcome -> the sentence that is shown with it


def with_remarks(verdicts: Sequence[Verdict], remarks: _Remarks) -> list[Verdict]:
    """The ``verdicts``, each with the remark on its outcome if there is one."""
    return [replace(v, remark=remarks.get(v.id, {}).get(v.outcome, "")) for v in verdicts]


def check_remarks(remarks: _Remarks, claims: Collection[str]) -> None:
    """Raise ValueError for a remark on a claim that is none of ``claims``, ids, or on what is no outcome.

    >>> check_remarks({"L-F1": {"failed": "The network is too small."}}, ["L-F1"])
    Traceback (most recent call last):
    ValueError: experiment.remarks: L-F1: expected one of holds, fails, cannot tell, got 'failed'
    """
    outcomes = get_args(Outcome)
    for claim, of_outcome in remarks.items():
        if claim not in claims:
            raise ValueError(f"experiment.remarks: there is no claim {claim!r}")
        for outcome in of_outcome:
            if outcome not in outcomes:
                expected = ", ".join(outcomes)
                raise ValueError(f"experiment.remarks: {claim}: expected one of {expected}, got {outcome!r}")
