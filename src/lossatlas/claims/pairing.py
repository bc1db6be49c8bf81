"""Two arms of a sweep, paired over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.claims.verdict import Arm, Paper
from lossatlas.measures.selection import Selector, average, describe, require, select

REPLICATE = "seed"  # the dimension whose values are independent repetitions


@dataclass(frozen=True)
class Pairs:
    """Values of two arms that share everything but what tells the arms apart.

    ``open``: a true value is only a lower bound, as its level set leaves what was surveyed.
    """

    first: NDArray[np.float64]  # (n,), finite
    second: NDArray[np.float64]  # (n,), finite
    first_open: NDArray[np.bool_]  # (n,)
    second_open: NDArray[np.bool_]  # (n,)
    known: NDArray[np.bool_]  # which of all pairs are finite and not left out
    labels: tuple[str, str]

    @property
    def differences(self) -> NDArray[np.float64]:
        """(n,), first - second."""
        return self.first - self.second

    def notes(self) -> list[str]:
        """What a reader must know about these values."""
        first, second = self.labels
        bounded = reached(self.first_open, f"{first}: "), reached(self.second_open, f"{second}: ")
        return [*left_out(self.known, "pairs", "NaN or infinite"), *bounded[0], *bounded[1]]

    def arms(self, paper: Paper | None) -> tuple[Arm, Arm]:
        """Mean and standard deviation of either arm, beside the paper's number."""
        first, second = self.labels
        return arm(first, self.first, paper, 0), arm(second, self.second, paper, 1)


def pair(
    values: xr.DataArray,
    first: Selector,
    second: Selector,
    *,
    at: Selector,
    mean_over: Sequence[str] = (),
    worst_over: Sequence[str] = (),
) -> Pairs:
    """Pair two arms of ``values`` over seeds.

    ``at`` is selected in both arms, then ``mean_over`` is averaged. Over ``worst_over``, each seed is
    represented by the place where first - second is smallest, that is where "first > second" fares
    worst. A dimension of length one that nobody names is dropped; a longer one is a ValueError.

    >>> errors = xr.DataArray([[9.0, 8.0], [7.0, 5.0]], coords={"batch_size": [164, 16], "seed": [0, 1]})
    >>> pair(errors, {"batch_size": 164}, {"batch_size": 16}, at={}).differences
    array([2., 3.])
    """
    common = average(select(values, at), mean_over)
    one, one_open = _arm(common, first, worst_over)
    two, two_open = _arm(common, second, worst_over)
    with np.errstate(invalid="ignore"):  # inf - inf is NaN and left out below
        worst = (one - two).argmin(axis=1)  # the first NaN, where there is one
    rows = np.arange(len(one))
    one, two = one[rows, worst], two[rows, worst]
    keep = np.isfinite(one) & np.isfinite(two)
    labels = (describe(first), describe(second))
    one_open, two_open = one_open[rows, worst], two_open[rows, worst]
    return Pairs(one[keep], two[keep], one_open[keep], two_open[keep], keep, labels)


def _arm(
    values: xr.DataArray, where: Selector, worst_over: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values and their ``open`` as (seeds, all of worst_over)."""
    chosen = only_dims(select(values, where), [REPLICATE, *worst_over])
    n = chosen.sizes[REPLICATE]
    return chosen.values.astype(float).reshape(n, -1), bounds(chosen).reshape(n, -1)


def left_out(known: NDArray[np.bool_], what: str, why: str) -> list[str]:
    """A note on how many are not ``known``, if any: seeds, pairs or networks."""
    lost = (~known).sum()
    return [f"{lost} of {known.size} {what} left out: not surveyed, {why}"] if lost else []


def reached(is_open: NDArray[np.bool_], whose: str = "", what: str = "") -> list[str]:
    """A note on how many values are lower bounds, if any."""
    beyond = f"{is_open.sum()} of {is_open.size} {what}reach the end of what was surveyed"
    return [whose + beyond] if is_open.any() else []


def bounds(values: xr.DataArray) -> NDArray[np.bool_]:
    """Which of ``values`` are only lower bounds; of their shape.

    >>> bounds(xr.DataArray([1.0, 2.0], {"open": ("seed", [False, True])}, dims="seed"))
    array([False,  True])
    """
    if "open" not in values.coords:
        return np.zeros(values.shape, bool)
    return values["open"].broadcast_like(values).transpose(*values.dims).values


def only_dims(values: xr.DataArray, dims: Sequence[str]) -> xr.DataArray:
    """``values`` with exactly these dimensions, in this order; others may only be of length one.

    >>> only_dims(xr.DataArray([[1.0, 2.0]], dims=("batch_size", "seed")), ["seed"]).dims
    ('seed',)
    """
    for dim in dims:
        require(values, dim)
    extra = [dim for dim in values.dims if dim not in dims]
    left = [dim for dim in extra if values.sizes[dim] > 1]
    if left:
        raise ValueError(
            f"dimension {left[0]!r} is left open: name it in the arms, at, mean_over or worst_over"
        )
    return values.squeeze(extra, drop=True).transpose(*dims)


def arm(label: str, values: NDArray[np.float64], paper: Paper | None, place: int) -> Arm:
    """Mean and standard deviation of an arm's values (n,), beside the paper's number for the arm in this place."""
    with np.errstate(invalid="ignore"):  # of infinite values there is no deviation
        mean = float(values.mean()) if len(values) else np.nan
        sd = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    return Arm(label=label, mean=mean, sd=sd, paper=paper.number(place) if paper else None)
