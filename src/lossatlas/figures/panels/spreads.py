"""Panels of several arms: the median of each, and how far its replicates spread, so that each can be told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from lossatlas.figures import style

_MUD = {2: 0.9}  # share of bands that others cover, from which on they are intervals; of more than two:
_MUD_OF_MANY = 0.5
_PLACES = 7  # of intervals along a line
_ASIDE = 0.1  # of the distance of two places, between the intervals of two arms that have the same
_COINCIDE = 0.01  # of the height of all lines, nearer than which one hides the other
_APART = 3.0  # times their own spread, for two groups of replicates to be two outcomes
_HIGH = 0.15  # of the height of all lines, from which on they are told apart at all
_OFTEN = 0.25  # share of the places where there are two
_DOTS = (0, (1.5, 1.5))  # of a line that lies upon another


@dataclass(frozen=True)
class _Arm:
    """Replicates along an axis, in the units in which the panel is linear."""

    x: np.ndarray  # (n,)
    y: np.ndarray  # (replicate, n), NaN where it left float range or the panel's scale
    color: Any

    @property
    def low(self) -> np.ndarray:
        return self.y.min(axis=0)

    @property
    def middle(self) -> np.ndarray:
        return np.median(self.y, axis=0)

    @property
    def high(self) -> np.ndarray:
        return self.y.max(axis=0)


def spreads(axis: Axes, arms: Sequence[tuple[xr.DataArray, Any]], along: str) -> None:
    """Median of all replicates of each of the ``arms`` along an axis, and their range.

    Ranges are bands; where these would cover each other, intervals at a few places, each arm's at its own. Replicates
    that come to two outcomes far apart are a thin line each: nothing lies between them. A median upon another is
    dotted. ``arms``: values (..., ``along``), and a colour. The scale of the axis is to be set before.
    """
    logarithmic = axis.get_yscale() == "log"
    found = [arm for values, color in arms if (arm := _arm(values, color, along, logarithmic)) is not None]
    if not found:
        return
    height = _height(found)
    several = [arm for arm in found if len(arm.y) > 1]
    two_fold = [id(arm) for arm in several if has_two_outcomes(arm.y, height)]
    ranges = [arm for arm in several if id(arm) not in two_fold]
    muddy = _covered(ranges) > _MUD.get(len(ranges), _MUD_OF_MANY)

    def shown(y: np.ndarray) -> np.ndarray:
        return np.power(10.0, y) if logarithmic else y

    for number, arm in enumerate(found):
        if id(arm) in two_fold:
            axis.plot(arm.x, shown(arm.y).T, color=arm.color, linewidth=0.5, alpha=0.6)
        elif len(arm.y) > 1 and muddy:
            _intervals(
                axis,
                arm.x,
                [shown(part) for part in (arm.low, arm.middle, arm.high)],
                arm.color,
                number,
                len(found),
            )
        elif len(arm.y) > 1:
            axis.fill_between(
                arm.x, shown(arm.low), shown(arm.high), color=arm.color, alpha=style.BAND, linewidth=0
            )
        dashes: Any = _DOTS if any(_lies_upon(arm, other, height) for other in found[:number]) else "solid"
        axis.plot(arm.x, shown(arm.middle), color=arm.color, linestyle=dashes)


def _arm(values: xr.DataArray, color: Any, along: str, logarithmic: bool) -> _Arm | None:
    """None where nothing is known. A replicate that is NaN all along was not surveyed and does not count."""
    values = values.dropna(along, how="all")
    if not values.size:
        return None
    x = values[along].values.astype(float)
    y = values.transpose(..., along).values.reshape(-1, len(x)).astype(float)
    y = y[~np.isnan(y).all(axis=1)]
    if not y.size:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log10(y) if logarithmic else y
    return _Arm(x, np.where(np.isfinite(y), y, np.nan), color)


def _height(arms: Sequence[_Arm]) -> float:
    """From the lowest to the highest value of all."""
    every = np.concatenate([arm.y.ravel() for arm in arms])
    every = every[np.isfinite(every)]
    return float(np.ptp(every)) if every.size else 0.0


def _covered(arms: Sequence[_Arm]) -> float:
    """Share of an arm's range that lies in those of others, counted for each of them, on average; 0 for one arm."""
    shares = []
    for arm in arms:
        for other in arms:
            if arm is other:
                continue
            _, mine, theirs = np.intersect1d(arm.x, other.x, return_indices=True)
            top = np.minimum(arm.high[mine], other.high[theirs])
            both = np.clip(top - np.maximum(arm.low[mine], other.low[theirs]), 0, None)
            whole = (arm.high - arm.low)[mine]
            shares.append(float(np.nansum(both)) / total if (total := float(np.nansum(whole))) > 0 else 0.0)
    return (len(arms) - 1) * float(np.mean(shares)) if shares else 0.0


def has_two_outcomes(y: np.ndarray, height: float | None = None) -> bool:
    """Whether replicates (replicate, n) fall in two groups far apart, each of two or more, at many places.

    ``height``: of the panel, in their units; None: from the lowest to the highest of them.
    """
    if len(y) < 4:
        return False
    height = float(np.ptp(y[np.isfinite(y)])) if height is None and np.isfinite(y).any() else height or 0.0
    return float(np.mean([_is_split(part, height) for part in y.T])) >= _OFTEN


def _is_split(values: np.ndarray, height: float) -> bool:
    """Whether values fall in two groups of two or more, apart by far more than they spread.

    >>> _is_split(np.array([0.0, 0.1, 0.9, 1.0]), 1.0), _is_split(np.array([0.0, 0.3, 0.6, 1.0]), 1.0)
    (True, False)
    """
    values = np.sort(values[np.isfinite(values)])
    for cut in range(2, len(values) - 1):
        gap = values[cut] - values[cut - 1]
        within = max(values[cut - 1] - values[0], values[-1] - values[cut])
        if gap > _APART * within and gap > _HIGH * height:
            return True
    return False


def _lies_upon(arm: _Arm, other: _Arm, height: float) -> bool:
    """Whether the median of one would hide that of the other over half of its length."""
    _, mine, theirs = np.intersect1d(arm.x, other.x, return_indices=True)
    if not len(mine) or not height:
        return False
    near = np.abs(arm.middle[mine] - other.middle[theirs]) < _COINCIDE * height
    return bool(near.sum() > len(arm.x) / 2)


def _intervals(
    axis: Axes, x: np.ndarray, parts: Sequence[np.ndarray], color: Any, number: int, count: int
) -> None:
    """Range of the replicates at a few places, which are others for each of ``count`` arms."""
    low, middle, high = parts
    step = max(1, len(x) // _PLACES)
    chosen = np.arange((number * step) // count, len(x), step)
    if step < count and len(x) > 1:  # so few places that all arms have them
        x = x + _ASIDE * np.diff(x).min() * (number - (count - 1) / 2)
    errors = np.stack([(middle - low)[chosen], (high - middle)[chosen]])
    axis.errorbar(
        x[chosen],
        middle[chosen],
        yerr=errors,
        fmt="none",
        ecolor=color,
        elinewidth=0.8,
        capsize=1.6,
        alpha=0.8,
    )
