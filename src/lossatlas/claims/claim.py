"""Claim: a sentence of a paper in a form that datasets can decide."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import xarray as xr

from lossatlas.claims.measures import Datasets
from lossatlas.claims.selection import Selector
from lossatlas.claims.verdict import Paper, Verdict

Measure = Callable[[Datasets], xr.DataArray]  # over the sweep's dimensions


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
