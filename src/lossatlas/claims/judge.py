"""Judging all claims of an experiment together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from lossatlas.claims.claim import Claim
from lossatlas.claims.measures import Datasets
from lossatlas.claims.verdict import Verdict


def judge(claims: Sequence[Claim], datasets: Datasets) -> list[Verdict]:
    """Judge each claim at its own confidence, and again at the one that makes them hold together.

    With n claims at 95 %, n/20 would be decided by chance alone if there were nothing to see. So each
    is also judged at confidence 1 - 0.05/n (Bonferroni), and that outcome stands in
    ``Verdict.corrected``: where it says "cannot tell" beside a decided outcome, the claim is decided
    taken by itself, not as one of n. ValueError if two claims share an id.
    """
    shared = [name for name, count in Counter(claim.id for claim in claims).items() if count > 1]
    if shared:
        raise ValueError(f"claims must have ids of their own, {shared[0]!r} stands twice")
    return [_judge(claim, datasets, len(claims)) for claim in claims]


def _judge(claim: Claim, datasets: Datasets, number: int) -> Verdict:
    verdict = claim(datasets)
    strict = replace(claim, confidence=1 - (1 - claim.confidence) / number)
    return replace(verdict, corrected=strict(datasets).outcome)
