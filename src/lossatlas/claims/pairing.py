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
    """Values of two arms that share everything but what tells the arms apart, at one place or at several.

    ``open``: a true value is only a lower bound, as its level set leaves what was surveyed.
    """

    first: NDArray[np.float64]  # (n, places), finite
    second: NDArray[np.float64]  # (n, places), finite
    first_open: NDArray[np.bool_]  # (n, places)
    second_open: NDArray[np.bool_]  # (n, places)
    known: NDArray[np.bool_]  # which of all pairs are finite at all places and not left out
    labels: tuple[str, str]

    @property
    def differences(self) -> NDArray[np.float64]:
        """(n, places), first - second."""
        return self.first - self.second

    @property
    def worst(self) -> int:
        """The place where first - second is the least in the mean."""
        return int(self.differences.mean(axis=0).argmin()) if len(self.first) else 0

    def notes(self) -> list[str]:
        """What a reader must know about these values."""
        first, second = self.labels
        bounded = reached(self.first_open, f"{first}: "), reached(self.second_open, f"{second}: ")
        return [*left_out(self.known, "pairs", "NaN or infinite"), *bounded[0], *bounded[1]]

    def arms(self, paper: Paper | None) -> tuple[Arm, Arm]:
        """Mean and standard deviation of either arm at the worst place, beside the paper's number."""
        first, second = self.labels
        one, two = self.first[:, self.worst], self.second[:, self.worst]
        return arm(first, one, paper, 0), arm(second, two, paper, 1)


def pair(
    values: xr.DataArray,
    first: Selector,
    second: Selector,
    *,
    at: Selector,
    mean_over: Sequence[str] = (),
    places: Sequence[str] = (),
) -> Pairs:
    """Pair two arms of ``values`` over seeds, at each of the ``places`` that these dimensions have.

    ``at`` is selected in both arms, then ``mean_over`` is averaged. A seed with a value at one of the places that is
    not finite is left out. A dimension of length one that nobody names is dropped; a longer one is a ValueError.

    >>> errors = xr.DataArray([[9.0, 8.0], [7.0, 5.0]], coords={"batch_size": [164, 16], "seed": [0, 1]})
    >>> pair(errors, {"batch_size": 164}, {"batch_size": 16}, at={}).differences.ravel()
    array([2., 3.])
    """
    common = average(select(values, at), mean_over)
    one, one_open = _arm(common, first, places)
    two, two_open = _arm(common, second, places)
    keep = np.asarray((np.isfinite(one) & np.isfinite(two)).all(axis=1))
    labels = (describe(first), describe(second))
    return Pairs(one[keep], two[keep], one_open[keep], two_open[keep], keep, labels)


def _arm(
    values: xr.DataArray, where: Selector, places: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values and their ``open`` as (seeds, places)."""
    chosen = only_dims(select(values, where), [REPLICATE, *places])
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
