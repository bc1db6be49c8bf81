"""Claim: a sentence of a paper in a form that datasets can decide."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from lossatlas.claims.measures import Datasets, Measure
from lossatlas.claims.selection import Selector
from lossatlas.claims.statistics import Estimate
from lossatlas.claims.verdict import Arm, Paper, Verdict


@dataclass(frozen=True, kw_only=True)
class Claim(ABC):
    """What all claims have; made from an entry of an experiment's config, called with its datasets."""

    id: str  # of the row it comes from, unique in its experiment: "L-F2 (i)"
    text: str  # the claim in one sentence
    measure: Measure
    at: Selector = field(default_factory=dict)  # the part of the sweep that the claim is about
    mean_over: Sequence[str] = ()  # dimensions averaged first, such as directions
    paper: Paper | None = None
    confidence: float = 0.95  # of the two-sided interval, for this claim alone

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise ValueError(f"{self.id}: confidence must lie in (0, 1), got {self.confidence:g}")

    @abstractmethod
    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""

    def verdict(
        self,
        estimate: Estimate,
        statistic: str,
        *,
        seeds: int,
        against: float,
        units: str = "",
        arms: Sequence[Arm] = (),
        notes: Sequence[str] = (),
    ) -> Verdict:
        """What an ``estimate`` of ``statistic`` from so many seeds, held ``against`` a value, makes of the claim."""
        return Verdict(
            id=self.id,
            text=self.text,
            outcome=estimate.outcome,
            statistic=statistic,
            units=units,
            estimate=estimate.value,
            interval=(estimate.low, estimate.high),
            confidence=self.confidence,
            against=against,
            p_value=estimate.p_value,
            seeds=seeds,
            arms=tuple(arms),
            paper=self.paper,
            note="; ".join(filter(None, [estimate.note, *notes])),
        )
