"""Remarks: a sentence on why a claim came out as it did, which an experiment's author writes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from lossatlas.claims.statistics import Outcome
from lossatlas.claims.verdict import Verdict

Remarks = Mapping[str, Mapping[str, str]]
"""Id of a claim -> outcome -> the sentence that is shown with a verdict of that outcome."""


def with_remarks(verdicts: Sequence[Verdict], remarks: Remarks) -> list[Verdict]:
    """The ``verdicts``, each with the remark on its outcome if there is one."""
    return [replace(v, remark=remarks.get(v.id, {}).get(v.outcome, "")) for v in verdicts]


def check_remarks(remarks: Remarks, claims: Collection[str]) -> None:
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
