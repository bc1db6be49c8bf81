"""Claim that one measure goes together with another quantity more closely than a third does."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from lossatlas.claims.claim import Claim
from lossatlas.claims.measures import Datasets, Measure
from lossatlas.claims.pairs import REPLICATE, bounds
from lossatlas.claims.rank_statistics import RESAMPLES, _spearman
from lossatlas.claims.selection import average, select
from lossatlas.claims.statistics import MINIMUM_PAIRS, Array, Estimate, few, side, withheld
from lossatlas.claims.verdict import Verdict
from lossatlas.words import counted


@dataclass(frozen=True, kw_only=True)
class StrongerCorrelation(Claim):
    """Over networks, ``measure`` goes with ``other`` (``negative``: against it) more closely than ``than`` does.

    The difference of the two Spearman correlations, counted in the direction that is claimed, is held against
    -``margin``: 0 for "more closely", more for "at least as closely, to within". See
    `correlation_difference`. ``mean_over`` applies to each measure that has the dimension. Networks of which one of the
    three is NaN are left out; infinite values rank above all others. A value that is only a lower bound is tried as it
    stands and as the largest of all: if that changes the outcome, one cannot tell.

    >>> coords = {"batch_size": [16, 32, 64, 164], "seed": range(5)}
    >>> noise = np.random.default_rng(0).normal(size=(3, 4, 5))
    >>> error, near, far = (xr.DataArray(np.arange(4.0)[:, None] + k * noise[k], coords) for k in range(3))
    >>> claim = StrongerCorrelation(id="L-A2", text="Some widths tell more than others", other=lambda datasets: error,
    ...                             measure=lambda datasets: near, than=lambda datasets: far)
    >>> claim({}).outcome
    'holds'
    """

    other: Measure
    than: Measure
    negative: bool = False
    margin: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.margin >= 0:
            raise ValueError(f"{self.id}: margin must be >= 0, got {self.margin:g}")

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        parts = [
            self._averaged(select(of(datasets), self.at)) for of in (self.measure, self.than, self.other)
        ]
        aligned = xr.broadcast(*parts)
        values, is_open = zip(*map(_by_seed, aligned), strict=True)
        estimate = self._judged(values)
        lifted = self._judged([np.where(o, np.inf, v) for v, o in zip(values, is_open, strict=True)])
        if lifted.outcome != estimate.outcome:
            estimate = withheld(estimate)
        known = ~np.isnan(np.stack(values)).any(axis=0)
        one, two, other = (part.attrs.get("long_name", "the measure") for part in aligned)
        notes = [counted(int(known.sum()), "network")]
        if reached := sum(int(o.sum()) for o in is_open):
            notes.append(
                f"{counted(reached, 'value')} {'reaches' if reached == 1 else 'reach'} the end of what was surveyed"
            )
        return self.verdict(
            estimate,
            f"rank correlation of {other} with {one} less that with {two}",
            seeds=int(known.any(axis=1).sum()),
            against=-self.margin,
            notes=notes,
        )

    def _averaged(self, values: xr.DataArray) -> xr.DataArray:
        return average(values, [dim for dim in self.mean_over if dim in values.dims])

    def _judged(self, values: list[Array] | tuple[Array, ...]) -> Estimate:
        one, two, other = values
        if self.negative:  # ranks from the other end
            one, two = -one, -two
        return correlation_difference(one, two, other, self.confidence, margin=self.margin)


def correlation_difference(
    one: Array,
    two: Array,
    other: Array,
    confidence: float,
    *,
    margin: float = 0.0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Spearman's rho of ``one`` with ``other`` less that of ``two``, and whether it is above -``margin``.

    All are (n, m), a row for each seed and a column for each cell of the sweep, NaN where not known; networks of which
    one of the three is NaN are left out of all. The interval is by bootstrap over seeds, as that of
    `rank_statistics.rank_correlation`: both correlations are of the same networks in every resample, so what they share
    cancels. Fewer than `MINIMUM_PAIRS` seeds cannot tell, nor can a quantity that is constant.

    >>> x = np.random.default_rng(0).normal(size=(5, 8))
    >>> estimate = correlation_difference(x, -x, x**3, confidence=0.95)
    >>> estimate.value, estimate.outcome
    (2.0, 'holds')
    """
    known = ~(np.isnan(one) | np.isnan(two) | np.isnan(other))
    seeds = known.any(axis=1)
    parts = [np.where(known, part, np.nan)[seeds] for part in (one, two, other)]
    n = int(seeds.sum())
    value = float(_difference(*parts)) if n else np.nan
    if n < MINIMUM_PAIRS:
        return Estimate(value, np.nan, np.nan, np.nan, "cannot tell", few(n, "seeds"))
    if np.isnan(value):
        return Estimate(value, np.nan, np.nan, np.nan, "cannot tell", "all the same: nothing to order by")
    drawn = np.random.default_rng(0).integers(n, size=(resamples, n))
    error = float(np.nanstd(_difference(*(part[drawn] for part in parts)))) * sqrt(n / (n - 1))
    reach = stats.t.isf((1 - confidence) / 2, n - 1) * error
    low, high = max(value - reach, -2.0), min(value + reach, 2.0)
    gap = value + margin
    p_value = 2 * stats.t.sf(abs(gap) / error, n - 1) if error > 0 else float(gap == 0)
    return Estimate(value, float(low), float(high), float(p_value), side(low, high, -margin))


def _difference(one: Array, two: Array, other: Array) -> NDArray[np.float64]:
    flat = [part.reshape(*part.shape[:-2], -1) for part in (one, two, other)]
    return _spearman(flat[0], flat[2]) - _spearman(flat[1], flat[2])


def _by_seed(values: xr.DataArray) -> tuple[Array, NDArray[np.bool_]]:
    if REPLICATE not in values.dims:
        raise ValueError(f"no dimension {REPLICATE!r}; there are {list(values.dims)}")
    ordered = values.transpose(REPLICATE, ...)
    n = len(ordered)
    return ordered.values.astype(float).reshape(n, -1), bounds(ordered).reshape(n, -1)
