"""Claim that a measure rises or falls along an axis of the sweep."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lossatlas.claims.claim import Claim
from lossatlas.claims.pairing import REPLICATE, arm, bounds, left_out, only_dims, reached
from lossatlas.claims.rank_statistics import mean_trend
from lossatlas.claims.statistics import Array, Estimate, confirmed, opposite
from lossatlas.claims.verdict import Verdict
from lossatlas.measures.datasets import Datasets, measured
from lossatlas.measures.selection import average, choose, describe, name_of, select


@dataclass(frozen=True, kw_only=True)
class Trend(Claim):
    """The measure rises (``decreasing``: falls) along an axis of three values or more.

    The estimate is the mean over seeds of Spearman's rho between measure and axis, held against 0 as a
    `PairedDifference` is. It says that larger values go with later places, not that every step rises.
    A seed with a NaN at one of the values is left out; infinite values rank above all others. A value that is only
    a lower bound is tried as it stands and as the largest of all: if that changes the outcome, one cannot tell.

    Parameters
    ----------
    id, text, measure, at, mean_over, paper, confidence : as of `Claim`
        Its name and sentence, the function of datasets that it is about, the part of the sweep,
        dimensions averaged first, printed numbers, and confidence of the interval.
    along : str
        The axis.
    among : sequence of str, int or float, optional
        Values of the axis to take, in the claimed order; None: all.
    decreasing : bool, default False
        Whether the measure falls; by default it rises.

    Examples
    --------
    >>> import xarray as xr
    >>> errors = xr.DataArray([[3.0, 3.2, 2.9, 3.1, 3.0, 5.1], [5.0, 5.1, 5.3, 4.9, 5.0, 5.0],
    ...                        [9.0, 8.0, 7.0, 8.0, 9.0, 8.0]],
    ...                       coords={"depth": [20, 56, 110], "seed": range(6)})
    >>> claim = Trend("L-F5", "Errors grow with depth", lambda: errors, along="depth")
    >>> verdict = claim({})
    >>> verdict.outcome, round(verdict.estimate, 2), [arm.label for arm in verdict.arms]
    ('holds', 0.92, ['depth 20', 'depth 56', 'depth 110'])
    """

    along: str
    among: Sequence[str | int | float] | None = None
    decreasing: bool = False

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        averaged = average(select(measured(self.measure, datasets), self.at), self.mean_over)
        chosen = choose(averaged, self.along, self.among)
        ordered = only_dims(chosen, [REPLICATE, self.along])
        known = ~np.isnan(ordered.values).any(axis=1)
        values, is_open = ordered.values[known].astype(float), bounds(ordered)[known]
        estimate = confirmed(self._judged(values), self._judged(np.where(is_open, np.inf, values)))
        arms = (
            arm(describe({self.along: level}), values[:, place], self.paper, place)
            for place, level in enumerate(ordered[self.along].values.tolist())
        )
        return self.verdict(
            estimate,
            f"mean rank correlation of {name_of(chosen)} with {self.along}",
            seeds=len(values),
            against=0.0,
            arms=tuple(arms),
            notes=[*left_out(known, "seeds", "or NaN"), *reached(is_open, what="values ")],
        )

    def _judged(self, values: Array) -> Estimate:
        estimate = mean_trend(values, self.confidence)
        return opposite(estimate) if self.decreasing else estimate
