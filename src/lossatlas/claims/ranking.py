"""Claim that two measures rank networks alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.claims.claim import Claim
from lossatlas.claims.measures import Datasets, Measure
from lossatlas.claims.pairs import REPLICATE, bounds, only_dims
from lossatlas.claims.selection import Selector, average, select
from lossatlas.claims.statistics import MINIMUM_PAIRS, share_above_half
from lossatlas.claims.verdict import Verdict
from lossatlas.words import counted


@dataclass(frozen=True, kw_only=True)
class RankingAgreement(Claim):
    """Of two arms, the one ahead in ``measure`` is the one ahead (``opposite``: behind) in ``other``.

    Every cell of ``pool`` x seeds gives one comparison of the two arms, and agreement is tested
    against 1/2 by the exact binomial test. Comparisons left out: a value that is missing, a tie, and
    two values of which the smaller is only a lower bound. ``mean_over`` applies to ``measure`` alone.
    Cells of one seed share their random streams: they are independent only as far as their settings
    set them apart, and fewer than `MINIMUM_PAIRS <lossatlas.claims.statistics>` seeds cannot tell.

    >>> coords = {"batch_size": [16, 164], "seed": range(10)}
    >>> width = xr.DataArray(np.outer([2.0, 1.0], np.ones(10)), coords)
    >>> error = xr.DataArray(np.outer([7.0, 11.0], np.ones(10)), coords)
    >>> claim = RankingAgreement(id="L-F3", text="The wider minimum generalises better",
    ...                          measure=lambda datasets: width, other=lambda datasets: error,
    ...                          first={"batch_size": 16}, second={"batch_size": 164}, opposite=True)
    >>> verdict = claim({})
    >>> verdict.outcome, verdict.estimate
    ('holds', 1.0)
    """

    other: Measure
    first: Selector
    second: Selector
    opposite: bool = False
    pool: Sequence[str] = ()  # dimensions whose cells are compared one by one, beside the seeds

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        measure, other = self.measure(datasets), self.other(datasets)
        one = self._order(average(select(measure, self.at), self.mean_over))
        two = self._order(select(other, self.at))
        decided = (one != 0) & (two != 0)
        agree = (one == -two) if self.opposite else (one == two)
        trials = int(decided.sum())
        seeds = int(decided.any(axis=1).sum())
        estimate = share_above_half(int((agree & decided).sum()), trials, self.confidence)
        if trials >= MINIMUM_PAIRS > seeds:
            reason = f"{counted(seeds, 'seed')} with a usable comparison, at least {MINIMUM_PAIRS} are needed"
            estimate = replace(estimate, outcome="cannot tell", note=reason)
        left_out = decided.size - trials
        note = f"{left_out} of {decided.size} comparisons left out: missing, tied or only bounded"
        names = (measure.attrs.get("long_name", "the measure"), other.attrs.get("long_name", "the other"))
        return self.verdict(
            estimate,
            f"share of {trials} comparisons in which {names[0]} and {names[1]} agree as claimed",
            seeds=seeds,
            against=0.5,
            notes=[note] if left_out else [],
        )

    def _order(self, values: xr.DataArray) -> NDArray[np.float64]:
        """(seeds, pool), the sign of first - second; 0 where it is not known."""
        dims = [REPLICATE, *self.pool]
        one, two = (only_dims(select(values, arm), dims) for arm in (self.first, self.second))
        with np.errstate(invalid="ignore"):
            order = np.nan_to_num(np.sign(one.values - two.values))
        order[(order > 0) & bounds(two)] = 0.0
        order[(order < 0) & bounds(one)] = 0.0
        return order.reshape(len(order), -1)
