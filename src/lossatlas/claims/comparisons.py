"""Claims that compare two arms of a sweep, paired over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from lossatlas.claims.claim import Claim
from lossatlas.claims.measures import Datasets
from lossatlas.claims.pairs import Pairs, pair
from lossatlas.claims.selection import Selector
from lossatlas.claims.statistics import Estimate, mean_above, mean_within
from lossatlas.claims.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class PairedDifference(Claim):
    """The measure is greater in one arm than in the other: paired t test of the difference against 0.

    Over ``worst_over`` each seed counts with the place that speaks most against the claim, so that
    "greater at every alpha" is tested as "greater at the worst alpha of each seed".

    >>> import xarray as xr
    >>> errors = xr.DataArray([[9.0, 8.0, 9.5, 9.0, 8.5], [7.0, 7.5, 7.0, 7.2, 7.1]],
    ...                       coords={"batch_size": [164, 16], "seed": range(5)})
    >>> claim = PairedDifference(id="L-F2 (iii)", text="Large batches generalise worse",
    ...                          measure=lambda datasets: errors,
    ...                          greater={"batch_size": 164}, lesser={"batch_size": 16})
    >>> verdict = claim({})
    >>> verdict.outcome, round(verdict.estimate, 2), verdict.seeds
    ('holds', 1.64, 5)
    """

    greater: Selector
    lesser: Selector
    worst_over: Sequence[str] = ()

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        values = self.measure(datasets)
        pairs = pair(
            values,
            self.greater,
            self.lesser,
            at=self.at,
            mean_over=self.mean_over,
            worst_over=self.worst_over,
        )
        estimate = mean_above(pairs.differences, 0.0, self.confidence)
        estimate = pairs.guarded(estimate, blocks={"holds": "second", "fails": "first"})
        worst = f", at the worst {' and '.join(self.worst_over)}" if self.worst_over else ""
        statistic = f"mean difference of {values.attrs.get('long_name', 'the measure')}{worst}"
        return _verdict(self, pairs, estimate, statistic, units=values.attrs.get("units", ""), against=0.0)


@dataclass(frozen=True, kw_only=True)
class PairedRatio(Claim):
    """The measure is more than ``factor`` times greater in one arm.

    Paired t test of the log ratio against the log of ``factor``. Estimate and interval are given as
    ratios (geometric means over seeds). A value that is not positive has no logarithm; its pair is
    left out.

    >>> import xarray as xr
    >>> sharpness = xr.DataArray([[70.0, 80.0, 90.0, 75.0, 88.0], [7.0, 7.5, 7.0, 7.2, 7.1]],
    ...                          coords={"batch_size": [164, 16], "seed": range(5)})
    >>> claim = PairedRatio(id="Keskar", text="Large batches end in sharp minima",
    ...                     measure=lambda datasets: sharpness,
    ...                     greater={"batch_size": 164}, lesser={"batch_size": 16}, factor=5)
    >>> claim({}).outcome
    'holds'
    """

    greater: Selector
    lesser: Selector
    factor: float = 1.0
    worst_over: Sequence[str] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factor <= 0:
            raise ValueError(f"{self.id}: factor must be above 0, got {self.factor:g}")

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        values = self.measure(datasets)
        logs = pair(
            _log(values),
            self.greater,
            self.lesser,
            at=self.at,
            mean_over=self.mean_over,
            worst_over=self.worst_over,
        )
        on_logs = mean_above(logs.differences, np.log(self.factor), self.confidence)
        on_logs = logs.guarded(on_logs, blocks={"holds": "second", "fails": "first"})
        ratio = replace(
            on_logs,
            value=float(np.exp(on_logs.value)),
            low=float(np.exp(on_logs.low)),
            high=float(np.exp(on_logs.high)),
        )
        pairs = replace(logs, first=np.exp(logs.first), second=np.exp(logs.second))
        statistic = f"ratio of {values.attrs.get('long_name', 'the measure')}"
        return _verdict(self, pairs, ratio, statistic, units="", against=self.factor)


@dataclass(frozen=True, kw_only=True)
class Equivalence(Claim):
    """The measure is the same in two arms, to within ``margin``: inclusion of the difference's interval.

    >>> import xarray as xr
    >>> accuracy = xr.DataArray([[99.9, 100.0, 99.8, 100.0, 99.9], [100.0, 100.0, 99.9, 99.9, 100.0]],
    ...                         coords={"batch_size": [164, 16], "seed": range(5)})
    >>> claim = Equivalence(id="Keskar (i)", text="Both fit the training set",
    ...                     measure=lambda datasets: accuracy,
    ...                     first={"batch_size": 16}, second={"batch_size": 164}, margin=1.0)
    >>> claim({}).outcome
    'holds'
    """

    first: Selector
    second: Selector
    margin: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.margin <= 0:
            raise ValueError(f"{self.id}: margin must be above 0, got {self.margin:g}")

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        values = self.measure(datasets)
        pairs = pair(values, self.first, self.second, at=self.at, mean_over=self.mean_over)
        estimate = mean_within(pairs.differences, self.margin, self.confidence)
        estimate = pairs.guarded(estimate, blocks={"holds": "either", "fails": "either"})
        statistic = (
            f"mean difference of {values.attrs.get('long_name', 'the measure')}, within ±{self.margin:g}"
        )
        return _verdict(
            self, pairs, estimate, statistic, units=values.attrs.get("units", ""), against=self.margin
        )


def _log(values: xr.DataArray) -> xr.DataArray:
    """Natural logarithm, NaN where the value is not positive; keeps what is known of the values."""
    return xr.apply_ufunc(np.log, values.where(values > 0), keep_attrs=True)


def _verdict(
    claim: Claim,
    pairs: Pairs,
    estimate: Estimate,
    statistic: str,
    *,
    units: str,
    against: float,
) -> Verdict:
    return claim.verdict(
        estimate,
        statistic,
        units=units,
        seeds=len(pairs.first),
        against=against,
        arms=pairs.arms(claim.paper),
        notes=pairs.notes(),
    )
