"""Radial basis interpolation of scattered points, in the values themselves or in their logarithms."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

Array = NDArray[np.float64]

Kernel = Literal["quintic", "cubic"]

_KERNELS: tuple[tuple[Kernel, int], ...] = (
    ("quintic", 2),
    ("cubic", 1),
)  # and the degree of the polynomial that goes with each
QUINTIC, CUBIC = range(len(_KERNELS))
LINEAR, LOG = range(2)  # the scales

_GLOBAL = 2000  # points up to which one system is solved for all, which is the faster way, too
_NEIGHBOURS = 64


def interpolants(places: Array, values: Array, at: Array) -> Array:
    """What each interpolant through ``values``, (n, columns), at ``places``, (n, d), gives ``at``, (m, d).

    An interpolant is a kernel in a scale: a loss that grows over decades is smooth in its logarithm. A column
    that is not positive throughout has none: there both scales are linear. Where it is, what is interpolated
    stays within its range and a factor of two. Values that are not finite count as `finite` says. Returns
    (kernels, scales, m, columns).

    >>> places = np.linspace(0.0, 1.0, 5)[:, None]
    >>> interpolants(places, np.exp(7 * places), np.array([[0.4]]))[CUBIC, LOG].round(4)  # e**2.8
    array([[16.4446]])
    """
    values = finite(values)
    positive = values.min(axis=0) > 0
    low = np.where(positive, values.min(axis=0) / 2, -np.inf)
    high = np.where(positive, 2 * values.max(axis=0), np.inf)
    logarithms = np.log(values, out=values.copy(), where=positive)
    both = np.concatenate([values, logarithms], axis=1)
    found = [_through(places, both, at, kernel, degree) for kernel, degree in _KERNELS]
    linear, logarithmic = np.split(np.stack(found), 2, axis=-1)
    with np.errstate(over="ignore"):
        np.exp(logarithmic, out=logarithmic, where=positive)
    return np.clip(np.stack([linear, logarithmic], axis=1), low, high)


def _through(places: Array, values: Array, at: Array, kernel: Kernel, degree: int) -> Array:
    number = None if len(places) <= _GLOBAL else _NEIGHBOURS
    while True:
        through = RBFInterpolator(places, values, kernel=kernel, degree=degree, neighbors=number)
        try:
            found: Array = through(at)
        except np.linalg.LinAlgError:  # the neighbours of some point lie on a line or a conic
            if number is None:
                raise
            number = None if 4 * number >= len(places) else 4 * number
        else:
            return found


def finite(values: Array) -> Array:
    """Copy of ``values``, (n, columns), NaN and infinity replaced by the largest finite value of the column.

    Negative infinity becomes the smallest; everything becomes 0 in a column without a finite value.

    >>> finite(np.array([[1.0], [np.nan], [3.0]])).ravel()
    array([1., 3., 3.])
    """
    good = np.isfinite(values)
    some = good.any(axis=0)
    high = np.where(some, np.where(good, values, -np.inf).max(axis=0), 0.0)
    low = np.where(some, np.where(good, values, np.inf).min(axis=0), 0.0)
    return np.where(good, values, np.where(values == -np.inf, low, high))
