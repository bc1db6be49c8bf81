"""Claim that a measure of one setting lies between two values."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lossatlas.claims.claim import Claim
from lossatlas.claims.measures import Datasets
from lossatlas.claims.pairs import REPLICATE, arm, bounds, only_dims
from lossatlas.claims.selection import average, describe, select
from lossatlas.claims.statistics import mean_between, withheld
from lossatlas.claims.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Within(Claim):
    """The measure of one setting, in the mean over seeds, lies between ``least`` and ``most``.

    Decided by inclusion of the mean's t interval. Either bound may be None. Seeds whose value is NaN or infinite are
    left out. Where values are only lower bounds, one cannot tell that the mean is below ``most``, nor that it misses
    ``least``. ValueError without a bound, or unless least < most.

    >>> import xarray as xr
    >>> losses = xr.DataArray([[2.30, 2.31, 2.29, 2.30, 2.31]], coords={"depth": [56], "seed": range(5)})
    >>> claim = Within(id="L-txt", text="Does not train: the loss stays near ln 10", measure=lambda datasets: losses,
    ...                at={"depth": 56}, least=2.2, most=2.4)
    >>> verdict = claim({})
    >>> verdict.outcome, round(verdict.estimate, 3)
    ('holds', 2.302)
    """

    least: float | None = None
    most: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.least is None and self.most is None:
            raise ValueError(f"{self.id}: give least, most or both")
        if not self._least < self._most:
            raise ValueError(f"{self.id}: least must be below most, got {self.least:g} and {self.most:g}")

    @property
    def _least(self) -> float:
        return -np.inf if self.least is None else self.least

    @property
    def _most(self) -> float:
        return np.inf if self.most is None else self.most

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        values = only_dims(average(select(self.measure(datasets), self.at), self.mean_over), [REPLICATE])
        known = np.isfinite(values.values)
        sample, is_open = values.values[known].astype(float), bounds(values)[known]
        estimate = mean_between(sample, self._least, self._most, self.confidence, "seeds")
        leaning = {
            "holds": self.most is not None,
            "fails": estimate.value < self._least,
            "cannot tell": False,
        }
        if is_open.any() and leaning[estimate.outcome]:
            estimate = withheld(estimate)
        return self.verdict(
            estimate,
            f"mean of {values.attrs.get('long_name', 'the measure')}, {self._range()}",
            units=values.attrs.get("units", ""),
            seeds=len(sample),
            against=self._nearest(estimate.value),
            arms=(arm(describe(self.at), sample, self.paper, 0),),
            notes=_notes(known, is_open),
        )

    def _range(self) -> str:
        if self.least is None:
            return f"below {self.most:g}"
        return f"above {self.least:g}" if self.most is None else f"between {self.least:g} and {self.most:g}"

    def _nearest(self, estimate: float) -> float:
        """The bound that the estimate comes closest to."""
        given = [bound for bound in (self.least, self.most) if bound is not None]
        return min(given, key=lambda bound: abs(estimate - bound))


def _notes(known: NDArray[np.bool_], is_open: NDArray[np.bool_]) -> list[str]:
    notes = []
    if not known.all():
        notes.append(f"{(~known).sum()} of {known.size} seeds left out: not surveyed, NaN or infinite")
    if is_open.any():
        notes.append(f"{is_open.sum()} of {is_open.size} reach the end of what was surveyed")
    return notes
