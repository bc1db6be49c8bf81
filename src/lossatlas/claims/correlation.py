"""Claim that two measures go together over networks, or against each other."""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.claims.claim import Claim
from lossatlas.claims.measures import Datasets, Measure
from lossatlas.claims.pairs import REPLICATE, bounds
from lossatlas.claims.rank_statistics import rank_correlation
from lossatlas.claims.selection import average, select
from lossatlas.claims.statistics import Estimate, confirmed, opposite
from lossatlas.claims.verdict import Verdict
from lossatlas.words import counted


@dataclass(frozen=True, kw_only=True)
class RankCorrelation(Claim):
    """Over networks, the larger ``measure`` goes with the larger (``negative``: the smaller) ``other``.

    Spearman's rho over all cells of the sweep (within ``at``) and seeds, or with ``of_means`` over the cells' means,
    with an interval by bootstrap over seeds; see `rank_statistics.rank_correlation`. ``mean_over`` applies to both
    measures, where they have the dimension. Networks of which either measure is NaN are left out; infinite values
    rank above all others. A value that is only a lower bound is tried as it stands and as the largest of all: if that
    changes the outcome, one cannot tell. The cells are those of the sweep, not a sample: what is said is said of them.

    >>> coords = {"width": [1, 2, 4, 8], "seed": range(5)}
    >>> area = xr.DataArray(np.outer([0.1, 0.2, 0.5, 0.9], np.ones(5)), coords)
    >>> error = xr.DataArray(np.outer([9.0, 7.0, 5.0, 4.0], np.ones(5)), coords)
    >>> claim = RankCorrelation(id="L-F6", text="Wide minima generalise better", negative=True,
    ...                         measure=lambda datasets: area, other=lambda datasets: error)
    >>> verdict = claim({})
    >>> verdict.outcome, round(verdict.estimate, 12)
    ('holds', -1.0)
    """

    other: Measure
    negative: bool = False
    of_means: bool = False

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        chosen = [select(measure(datasets), self.at) for measure in (self.measure, self.other)]
        measure, other = xr.broadcast(*self._averaged(chosen))
        (one, one_open), (two, two_open) = map(_by_seed, (measure, other))
        lifted = self._judged(np.where(one_open, np.inf, one), np.where(two_open, np.inf, two))
        estimate = confirmed(self._judged(one, two), lifted)
        known = ~(np.isnan(one) | np.isnan(two))
        names = (part.attrs.get("long_name", "the measure") for part in (measure, other))
        means, networks = int(known.any(axis=0).sum()), int(known.sum())
        points = f"{counted(means, 'mean')} over seeds" if self.of_means else counted(networks, "network")
        return self.verdict(
            estimate,
            f"rank correlation of {' and '.join(names)} over {points}",
            seeds=int(known.any(axis=1).sum()),
            against=0.0,
            notes=[*_notes(one, two, known), *_open(one_open | two_open)],
        )

    def _averaged(self, parts: list[xr.DataArray]) -> list[xr.DataArray]:
        for dim in self.mean_over:
            if not any(dim in part.dims for part in parts):
                raise ValueError(f"no dimension {dim!r} to average over; there are {list(parts[0].dims)}")
        return [average(part, [dim for dim in self.mean_over if dim in part.dims]) for part in parts]

    def _judged(self, one: NDArray[np.float64], two: NDArray[np.float64]) -> Estimate:
        estimate = rank_correlation(one, two, self.confidence, of_means=self.of_means)
        return replace(estimate, outcome=opposite(estimate.outcome)) if self.negative else estimate


def _by_seed(values: xr.DataArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values and which of them are lower bounds, as (seeds, cells)."""
    if REPLICATE not in values.dims:
        raise ValueError(f"no dimension {REPLICATE!r}; there are {list(values.dims)}")
    ordered = values.transpose(REPLICATE, ...)
    n = len(ordered)
    return ordered.values.astype(float).reshape(n, -1), bounds(ordered).reshape(n, -1)


def _notes(one: NDArray[np.float64], two: NDArray[np.float64], known: NDArray[np.bool_]) -> list[str]:
    notes = []
    surveyed = known.any(axis=0)  # cells that no sweep has are none of its networks
    missing = (~known[:, surveyed]).sum()
    if missing:
        notes.append(f"{missing} of {known[:, surveyed].size} networks left out: not surveyed, or NaN")
    tied = max(known.sum() - len(np.unique(part[known])) for part in (one, two))
    if tied:
        notes.append(f"ties share their ranks: {tied} of {known.sum()} networks repeat a value of another")
    return notes


def _open(is_open: NDArray[np.bool_]) -> list[str]:
    if not is_open.any():
        return []
    return [f"{is_open.sum()} of {is_open.size} values reach the end of what was surveyed"]
