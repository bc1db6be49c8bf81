"""Verdict: what a claim came to, with all that it rests on."""

import json
from dataclasses import dataclass
from math import nan
from typing import Any

from lossatlas.claims.statistics import Outcome


@dataclass(frozen=True, kw_only=True)
class Paper:
    """What the paper prints for the arms of a comparison or a trend. None where it prints nothing."""

    first: float | None  # the arm that the claim names first
    second: float | None
    source: str  # "Li et al. 2018, Fig. 2a"
    approximate: bool = False  # read off a picture
    further: tuple[float | None, ...] = ()  # of a trend's third level and on

    def __post_init__(self) -> None:
        object.__setattr__(self, "further", tuple(self.further))  # lists come from YAML and JSON

    def number(self, arm: int) -> float | None:
        """What is printed for an arm, counted from 0."""
        numbers = (self.first, self.second, *self.further)
        return numbers[arm] if arm < len(numbers) else None


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One side of a comparison as it was reproduced, over seeds, beside the paper's number."""

    label: str  # "batch size 128"
    mean: float
    sd: float  # over seeds, ddof 1; NaN for fewer than two
    paper: float | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Outcome of a claim. A number that cannot be given is NaN, never a guess."""

    id: str
    text: str
    outcome: Outcome
    statistic: str  # "mean difference of test error"
    units: str  # of the estimate; "" for a ratio or a share
    estimate: float
    interval: tuple[float, float]  # low, high
    confidence: float  # of this interval alone, 0.95
    against: float  # what the interval is held against: 0, or a ratio, or 1/2
    p_value: float
    seeds: int
    arms: tuple[Arm, ...] = ()
    paper: Paper | None = None
    note: str = ""  # why it cannot tell, what was left out, which values are lower bounds
    corrected: Outcome | None = None  # outcome if all claims of the experiment are to hold at once
    remark: str = ""  # why it came out so, in the words of the experiment's author


def verdicts_from_json(text: str) -> list[Verdict]:
    """Verdicts as `to_json <lossatlas.claims.report.to_json>` wrote them; null becomes NaN again."""
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
