"""Claim: a sentence of a paper in a form that datasets can decide, alone or together with others."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, fields, replace

from lossatlas.claims.statistics import Estimate, adjusted
from lossatlas.claims.verdict import Arm, Paper, Verdict
from lossatlas.measures.datasets import Datasets, Measure, reads
from lossatlas.measures.selection import Selector


@dataclass(frozen=True)
class Claim(ABC):
    """What all claims have; yielded by an experiment's ``claims.py``, called with its datasets.

    Parameters
    ----------
    id : str
        Of the row it comes from, unique in its experiment: "L-F2 (i)".
    text : str
        The claim in one sentence.
    measure : Measure
        Function of datasets, whose arguments are called after them, to one array over the sweep's dimensions.
    at : Selector, optional
        The part of the sweep that the claim is about: dimension -> the value wanted of it, or a list of those wanted;
        by default all of it.
    mean_over : sequence of str, optional
        Dimensions averaged first, such as directions; by default none.
    paper : Paper, optional
        What the paper prints for the arms; None: nothing.
    confidence : float, default 0.95
        Of the two-sided interval, for this claim alone, in (0, 1).

    Raises
    ------
    ValueError
        For a confidence that is out of range.
    """

    id: str
    text: str
    measure: Measure
    _: KW_ONLY
    at: Selector = field(default_factory=dict)
    mean_over: Sequence[str] = ()
    paper: Paper | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise ValueError(f"{self.id}: confidence must lie in (0, 1), got {self.confidence:g}")

    @property
    def landscapes(self) -> set[str]:
        """Names of the datasets that its measures read.

        >>> from lossatlas.claims import RankCorrelation
        >>> claim = RankCorrelation("L-F6", "Wide minima generalise better", lambda surface: surface["loss"],
        ...                         other=lambda summary: summary["test_error"])
        >>> sorted(claim.landscapes)
        ['summary', 'surface']
        """
        parts = [getattr(self, part.name) for part in fields(self)]
        return {name for part in parts if callable(part) for name in reads(part)}

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


def judge(claims: Sequence[Claim], datasets: Datasets) -> list[Verdict]:
    """Judge each claim by itself, and then all of them together.

    With n claims at 95 %, n/20 would be decided by chance alone if there were nothing to see. So their p values are
    corrected for their number (Holm), and the outcome that is left stands in ``Verdict.corrected``: where it says
    "cannot tell" beside a decided outcome, the claim is decided taken by itself, not as one of n.

    Parameters
    ----------
    claims : sequence of Claim
        All claims that are made at once.
    datasets : mapping of str to Dataset
        Name of a landscape, or "history", "summary", "reference" -> it, over all networks of the sweep.

    Returns
    -------
    list of Verdict
        One a claim, in their order.

    Raises
    ------
    ValueError
        If two claims share an id, and for what the datasets do not have.
    """
    shared = [name for name, count in Counter(claim.id for claim in claims).items() if count > 1]
    if shared:
        raise ValueError(f"claims must have ids of their own, {shared[0]!r} stands twice")
    verdicts = [claim(datasets) for claim in claims]
    p_values = adjusted([verdict.p_value for verdict in verdicts])
    return [_corrected(verdict, p) for verdict, p in zip(verdicts, p_values, strict=True)]


def _corrected(verdict: Verdict, p_value: float) -> Verdict:
    """With the outcome that is left if its p value is this one."""
    decided = p_value <= 1 - verdict.confidence + 1e-12
    return replace(verdict, corrected=verdict.outcome if decided else "cannot tell")
