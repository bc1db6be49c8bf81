"""Claims on means over seeds: that two arms of a sweep, paired, differ or agree, and that one lies in a range."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.claims.claim import Claim
from lossatlas.claims.pairing import REPLICATE, Pairs, arm, bounds, only_dims, pair
from lossatlas.claims.statistics import Estimate, mean_above, mean_between, mean_within, withheld
from lossatlas.claims.verdict import Verdict
from lossatlas.measures.datasets import Datasets, measured
from lossatlas.measures.selection import Selector, average, describe, select


@dataclass(frozen=True, kw_only=True)
class PairedDifference(Claim):
    """The measure is greater in one arm than in the other: paired t test of the difference against 0.

    Parameters
    ----------
    id, text, measure, at, mean_over, paper, confidence : as of `Claim`
        Its name and sentence, the function of datasets that it is about, the part of the sweep,
        dimensions averaged first, printed numbers, and confidence of the interval.
    greater, lesser : Selector
        The two arms: dimension -> the value wanted of it, or a list of those wanted.
    worst_over : sequence of str, optional
        Over these dimensions each seed counts with the place that speaks most against the claim, so that "greater at
        every alpha" is tested as "greater at the worst alpha of each seed"; by default there are none.

    Examples
    --------
    >>> import xarray as xr
    >>> errors = xr.DataArray([[9.0, 8.0, 9.5, 9.0, 8.5], [7.0, 7.5, 7.0, 7.2, 7.1]],
    ...                       coords={"batch_size": [164, 16], "seed": range(5)})
    >>> claim = PairedDifference("L-F2 (iii)", "Large batches generalise worse",
    ...                          lambda: errors,
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
        values = measured(self.measure, datasets)
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

    Parameters
    ----------
    id, text, measure, at, mean_over, paper, confidence : as of `Claim`
        Its name and sentence, the function of datasets that it is about, the part of the sweep,
        dimensions averaged first, printed numbers, and confidence of the interval.
    greater, lesser : Selector
        The two arms: dimension -> the value wanted of it, or a list of those wanted.
    factor : float, default 1.0
        What the ratio is held against, above 0; by default 1, so that "greater" is claimed.
    worst_over : sequence of str, optional
        Over these dimensions each seed counts with the place that speaks most against the claim; by default there are
        none.

    Raises
    ------
    ValueError
        For a factor that is out of range.

    Examples
    --------
    >>> import xarray as xr
    >>> sharpness = xr.DataArray([[70.0, 80.0, 90.0, 75.0, 88.0], [7.0, 7.5, 7.0, 7.2, 7.1]],
    ...                          coords={"batch_size": [164, 16], "seed": range(5)})
    >>> claim = PairedRatio("Keskar", "Large batches end in sharp minima",
    ...                     lambda: sharpness,
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
        values = measured(self.measure, datasets)
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

    Parameters
    ----------
    id, text, measure, at, mean_over, paper, confidence : as of `Claim`
        Its name and sentence, the function of datasets that it is about, the part of the sweep,
        dimensions averaged first, printed numbers, and confidence of the interval.
    first, second : Selector
        The two arms: dimension -> the value wanted of it, or a list of those wanted.
    margin : float
        Above 0, in units of the measure.

    Raises
    ------
    ValueError
        For a margin that is out of range.

    Examples
    --------
    >>> import xarray as xr
    >>> accuracy = xr.DataArray([[99.9, 100.0, 99.8, 100.0, 99.9], [100.0, 100.0, 99.9, 99.9, 100.0]],
    ...                         coords={"batch_size": [164, 16], "seed": range(5)})
    >>> claim = Equivalence("Keskar (i)", "Both fit the training set",
    ...                     lambda: accuracy,
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
        values = measured(self.measure, datasets)
        pairs = pair(values, self.first, self.second, at=self.at, mean_over=self.mean_over)
        estimate = mean_within(pairs.differences, self.margin, self.confidence)
        estimate = pairs.guarded(estimate, blocks={"holds": "either", "fails": "either"})
        statistic = (
            f"mean difference of {values.attrs.get('long_name', 'the measure')}, within ±{self.margin:g}"
        )
        return _verdict(
            self, pairs, estimate, statistic, units=values.attrs.get("units", ""), against=self.margin
        )


@dataclass(frozen=True, kw_only=True)
class InRange(Claim):
    """The measure of one setting, in the mean over seeds, lies between ``least`` and ``most``.

    Decided by inclusion of the mean's t interval. Seeds whose value is NaN or infinite are left out. Where values are
    only lower bounds, one cannot tell that the mean is below ``most``, nor that it misses ``least``.

    Parameters
    ----------
    id, text, measure, at, mean_over, paper, confidence : as of `Claim`
        Its name and sentence, the function of datasets that it is about, the part of the sweep,
        dimensions averaged first, printed numbers, and confidence of the interval.
    least, most : float, optional
        The bounds, in units of the measure; None: no such bound.

    Raises
    ------
    ValueError
        Without a bound, or unless least < most.

    Examples
    --------
    >>> import xarray as xr
    >>> losses = xr.DataArray([[2.30, 2.31, 2.29, 2.30, 2.31]], coords={"depth": [56], "seed": range(5)})
    >>> claim = InRange("L-txt", "Does not train: the loss stays near ln 10", lambda: losses,
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
        values = only_dims(
            average(select(measured(self.measure, datasets), self.at), self.mean_over), [REPLICATE]
        )
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
            notes=_notes_of_one(known, is_open),
        )

    def _range(self) -> str:
        if self.least is None:
            return f"below {self.most:g}"
        return f"above {self.least:g}" if self.most is None else f"between {self.least:g} and {self.most:g}"

    def _nearest(self, estimate: float) -> float:
        """The bound that the estimate comes closest to."""
        given = [bound for bound in (self.least, self.most) if bound is not None]
        return min(given, key=lambda bound: abs(estimate - bound))


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


def _notes_of_one(known: NDArray[np.bool_], is_open: NDArray[np.bool_]) -> list[str]:
    notes = []
    if not known.all():
        notes.append(f"{(~known).sum()} of {known.size} seeds left out: not surveyed, NaN or infinite")
    if is_open.any():
        notes.append(f"{is_open.sum()} of {is_open.size} reach the end of what was surveyed")
    return notes
