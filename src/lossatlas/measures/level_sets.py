"""Sublevel sets {L < level} of a function on a grid: how wide, how large, and if the grid holds them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BEYOND = 1e300  # stands for a loss beyond float range: above every level, yet differences stay finite


class Extent(NamedTuple):
    """Size of a sublevel set, a lower bound if it is ``open``, that is if it reaches the end of the grid."""

    size: float
    open: bool


def interval_width(x: Array, y: Array, level: float, around: float) -> Extent:
    """Width of the connected part of {y < level} that holds the point ``around``.

    ``x``: (P,), increasing. ``y``: (P,), values there, linear in between. A value that is NaN or
    infinite lies above every level, and the set then ends at the last finite point. The width is 0
    where the value at ``around`` is not below the level, and NaN where all of ``y`` is NaN.
    ValueError if ``around`` is not within x.

    >>> x = np.linspace(-2, 2, 5)
    >>> interval_width(x, abs(x), level=1.5, around=0)
    Extent(size=3.0, open=False)
    >>> interval_width(x, abs(x), level=9, around=0)
    Extent(size=4.0, open=True)
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if not x[0] <= around <= x[-1]:
        raise ValueError(f"around={around:g} lies outside the surveyed range [{x[0]:g}, {x[-1]:g}]")
    if np.isnan(y).all():
        return Extent(np.nan, False)
    y = np.where(np.isfinite(y), y, _BEYOND)
    centre = np.interp(around, x, y)
    if centre >= level:
        return Extent(0.0, False)
    left, right = x < around, x > around
    below = _reach(np.r_[0.0, around - x[left][::-1]], np.r_[centre, y[left][::-1]], level)
    above = _reach(np.r_[0.0, x[right] - around], np.r_[centre, y[right]], level)
    return Extent(below.size + above.size, below.open or above.open)


def _reach(distance: Array, y: Array, level: float) -> Extent:
    """Distance at which ``y``, below the level at distance 0, first crosses it."""
    outside = np.flatnonzero(y >= level)
    if not outside.size:
        return Extent(float(distance[-1]), True)
    j = outside[0]
    share = (level - y[j - 1]) / (y[j] - y[j - 1])
    return Extent(float(distance[j - 1] + share * (distance[j] - distance[j - 1])), False)


def sublevel_area(x: Array, y: Array, z: Array, level: float) -> Extent:
    """Area of {z < level} over the grid's rectangle, in units of x times y.

    ``x``: (X,) and ``y``: (Y,), increasing, not necessarily even. ``z``: (Y, X). Each cell is halved
    into triangles along either diagonal, z is linear on a triangle, and the two halvings are
    averaged, so that the area does not depend on the axes' orientation. Exact where z is linear;
    the error of a smooth contour falls with the square of the spacing. NaN and infinite values lie
    above every level; NaN where all of ``z`` is NaN.

    >>> x = np.linspace(-1, 1, 5)
    >>> plane = np.tile(x, (5, 1))
    >>> area = sublevel_area(x, x, plane, level=0.3)
    >>> round(area.size, 12), area.open
    (2.6, True)
    """
    z = np.asarray(z, float)
    if np.isnan(z).all():
        return Extent(np.nan, False)
    z = np.where(np.isfinite(z), z, _BEYOND)
    a, b, c, d = z[:-1, :-1], z[:-1, 1:], z[1:, 1:], z[1:, :-1]  # corners in order around each cell
    triangles = [(a, b, c), (a, c, d), (a, b, d), (b, c, d)]
    share = sum(_share_below(np.sort(np.stack(t), axis=0), level) for t in triangles) / 4
    border = np.concatenate([z[0], z[-1], z[:, 0], z[:, -1]])
    return Extent(float((share * np.outer(np.diff(y), np.diff(x))).sum()), bool((border < level).any()))


def _share_below(corners: Array, level: float) -> Array:
    """Share of triangles on which a linear function is below ``level``. ``corners``: (3, ...), ascending."""
    low, middle, high = corners
    with np.errstate(divide="ignore", invalid="ignore"):  # a branch that is not taken may divide by 0
        tip = (level - low) / (middle - low) * ((level - low) / (high - low))
        rest = 1 - (high - level) / (high - low) * ((high - level) / (high - middle))
    return np.select([level <= low, level <= middle, level <= high], [0.0, tip, rest], 1.0)
