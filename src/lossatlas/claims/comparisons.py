"""Claims on means over seeds: that two arms of a sweep, paired, differ or agree, and that one lies in a range."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from lossatlas.claims.claim import Claim
from lossatlas.claims.means import mean_above, mean_between, mean_within
from lossatlas.claims.pairing import REPLICATE, Pairs, arm, bounds, left_out, only_dims, pair, reached
from lossatlas.claims.statistics import Estimate, guarded
from lossatlas.claims.verdict import Verdict
from lossatlas.measures.datasets import Datasets, measured
from lossatlas.measures.selection import Selector, average, describe, name_of, select, units_of


@dataclass(frozen=True, kw_only=True)
class _Greater(Claim):
    """What claims have that the measure is greater in one arm."""

    greater: Selector
    lesser: Selector
    worst_over: Sequence[str] = ()

    def _judged(self, values: xr.DataArray, threshold: float) -> tuple[Pairs, Estimate]:
        arms = (self.greater, self.lesser)
        pairs = pair(values, *arms, at=self.at, mean_over=self.mean_over, places=self.worst_over)
        estimate = mean_above(pairs.differences, threshold, self.confidence)
        return pairs, guarded(estimate, {"holds": pairs.second_open, "fails": pairs.first_open})


@dataclass(frozen=True, kw_only=True)
class PairedDifference(_Greater):
    """The measure is greater in one arm than in the other, in the mean over seeds: the difference is above 0.

    By the two tests of `lossatlas.claims.means`; fewer than six seeds decide nothing at 95 %.

    Parameters
    ----------
    id, text, measure, at, mean_over, paper, confidence : as of `Claim`
        Its name and sentence, the function of datasets that it is about, the part of the sweep,
        dimensions averaged first, printed numbers, and confidence of the interval.
    greater, lesser : Selector
        The two arms: dimension -> the value wanted of it, or a list of those wanted.
    worst_over : sequence of str, optional
        "Greater at every alpha": holds if it is greater at each place of these dimensions, fails if it is less at one
        of them, corrected for their number. Told is the place where the mean difference is the least. By default
        there are none.

    Examples
    --------
    >>> import xarray as xr
    >>> errors = xr.DataArray([[9.0, 8.7, 9.5, 9.0, 8.9, 9.2, 8.8, 9.1], [7.0, 7.5, 7.0, 7.2, 7.1, 6.9, 7.2, 7.0]],
    ...                       coords={"batch_size": [164, 16], "seed": range(8)})
    >>> claim = PairedDifference("L-F2 (iii)", "Large batches generalise worse",
    ...                          lambda: errors,
    ...                          greater={"batch_size": 164}, lesser={"batch_size": 16})
    >>> verdict = claim({})
    >>> verdict.outcome, round(verdict.estimate, 2), verdict.seeds
    ('holds', 1.91, 8)
    """

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        values = measured(self.measure, datasets)
        pairs, estimate = self._judged(values, 0.0)
        worst = f", at the worst {' and '.join(self.worst_over)}" if self.worst_over else ""
        statistic = f"mean difference of {name_of(values)}{worst}"
        return _verdict(self, pairs, estimate, statistic, units=units_of(values), against=0.0)


@dataclass(frozen=True, kw_only=True)
class PairedRatio(_Greater):
    """The measure is more than ``factor`` times greater in one arm.

    The log ratio is held against the log of ``factor``, as a `PairedDifference`. Estimate and interval are given as
    ratios (geometric means over seeds). A value that is not positive has no logarithm; its pair is
    left out.

    Parameters
    ----------
    id, text, measure, at, mean_over, paper, confidence : as of `Claim`
        Its name and sentence, the function of datasets that it is about, the part of the sweep,
        dimensions averaged first, printed numbers, and confidence of the interval.
    greater, lesser : Selector
        The two arms: dimension -> the value wanted of it, or a list of those wanted.
    worst_over : sequence of str, optional
        As of `PairedDifference`; by default there are none.
    factor : float, default 1.0
        What the ratio is held against, above 0; by default 1, so that "greater" is claimed.

    Raises
    ------
    ValueError
        For a factor that is out of range.

    Examples
    --------
    >>> import xarray as xr
    >>> sharpness = xr.DataArray([[70.0, 80.0, 90.0, 75.0, 88.0, 79.0], [7.0, 7.5, 7.0, 7.2, 7.1, 7.0]],
    ...                          coords={"batch_size": [164, 16], "seed": range(6)})
    >>> claim = PairedRatio("Keskar", "Large batches end in sharp minima",
    ...                     lambda: sharpness,
    ...                     greater={"batch_size": 164}, lesser={"batch_size": 16}, factor=5)
    >>> claim({}).outcome
    'holds'
    """

    factor: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factor <= 0:
            raise ValueError(f"{self.id}: factor must be above 0, got {self.factor:g}")

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        values = measured(self.measure, datasets)
        # What is not positive has no logarithm.
        logs, on_logs = self._judged(
            xr.apply_ufunc(np.log, values.where(values > 0), keep_attrs=True), float(np.log(self.factor))
        )
        value, low, high = (float(np.exp(number)) for number in (on_logs.value, on_logs.low, on_logs.high))
        ratio = replace(on_logs, value=value, low=low, high=high)
        pairs = replace(logs, first=np.exp(logs.first), second=np.exp(logs.second))
        return _verdict(self, pairs, ratio, f"ratio of {name_of(values)}", units="", against=self.factor)


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
    >>> accuracy = xr.DataArray([[99.9, 100.0, 99.8, 100.0, 99.9, 99.9], [100.0, 100.0, 99.9, 99.9, 100.0, 99.9]],
    ...                         coords={"batch_size": [164, 16], "seed": range(6)})
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
        estimate = mean_within(pairs.differences[:, 0], self.margin, self.confidence)
        either = pairs.first_open | pairs.second_open
        estimate = guarded(estimate, {"holds": either, "fails": either})
        statistic = f"mean difference of {name_of(values)}, within ±{self.margin:g}"
        return _verdict(self, pairs, estimate, statistic, units=units_of(values), against=self.margin)


@dataclass(frozen=True, kw_only=True)
class InRange(Claim):
    """The measure of one setting, in the mean over seeds, lies between ``least`` and ``most``.

    Decided by inclusion of the mean's interval. Seeds whose value is NaN or infinite are left out. Where values are
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
    >>> losses = xr.DataArray([[2.30, 2.31, 2.29, 2.30, 2.31, 2.30]], coords={"depth": [56], "seed": range(6)})
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
        low, high = self._ends
        if not low < high:
            raise ValueError(f"{self.id}: least must be below most, got {self.least:g} and {self.most:g}")

    @property
    def _ends(self) -> tuple[float, float]:
        """The bounds, infinite where there is none."""
        return -np.inf if self.least is None else self.least, np.inf if self.most is None else self.most

    def __call__(self, datasets: Datasets) -> Verdict:
        """Judge the claim on ``datasets``."""
        chosen = select(measured(self.measure, datasets), self.at)
        values = only_dims(average(chosen, self.mean_over), [REPLICATE])
        known = np.isfinite(values.values)
        sample, is_open = values.values[known].astype(float), bounds(values)[known]
        estimate = mean_between(sample, *self._ends, self.confidence, "seeds")
        too_low = estimate.value < self._ends[0]
        estimate = guarded(estimate, {"holds": is_open & (self.most is not None), "fails": is_open & too_low})
        return self.verdict(
            estimate,
            f"mean of {name_of(values)}, {self._range()}",
            units=units_of(values),
            seeds=len(sample),
            against=self._nearest(estimate.value),
            arms=(arm(describe(self.at), sample, self.paper, 0),),
            notes=[*left_out(known, "seeds", "NaN or infinite"), *reached(is_open)],
        )

    def _range(self) -> str:
        if self.least is None:
            return f"below {self.most:g}"
        return f"above {self.least:g}" if self.most is None else f"between {self.least:g} and {self.most:g}"

    def _nearest(self, estimate: float) -> float:
        """The bound that the estimate comes closest to."""
        given = [bound for bound in (self.least, self.most) if bound is not None]
        return min(given, key=lambda bound: abs(estimate - bound))


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
