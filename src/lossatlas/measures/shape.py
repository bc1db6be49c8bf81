"""Shape of a function on a grid: where it curves down, how rough it is.

Where a formula needs a point and its neighbours, points of which one of these is NaN or infinite are left out; a
result that no point is left for is NaN.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Array = NDArray[np.float64]


def negative_curvature(
    x: ArrayLike, y: ArrayLike, z: ArrayLike, *, ratio: float = 0.0, rounding: float = 1e-6
) -> float:
    """Share of the inner grid points at which the surface curves down in some direction.

    That is where the 2x2 Hessian of z, by second differences over the 3x3 points around, has a negative eigenvalue, and
    abs(lambda_min) > ``ratio`` abs(lambda_max), as in the maps of Li et al. 2018 (arXiv:1712.09913), figure 7;
    a point at which the steeper curvature is the negative one counts at every ratio. What a relative error ``rounding``
    of the nine values could make by itself does not count, by default some units of float32's last place, so
    that a plateau is flat. A share does not depend on the units of z. Of the loss on a plane these are the principal
    curvatures of the restricted function: where they are negative the loss itself is not convex, where they
    are positive nothing is said about the directions that the plane leaves out.

    ``x``: (X,) and ``y``: (Y,), increasing, not necessarily even. ``z``: (Y, X). Differences are exact for quadratic
    functions. ValueError for a grid of less than 3x3 points, a ``ratio`` that is not in [0, 1),
    or a ``rounding`` below 0.

    >>> x = np.linspace(-1, 1, 5)
    >>> saddle, bowl = x**2 - x[:, None] ** 2, x**2 + x[:, None] ** 2
    >>> negative_curvature(x, x, saddle), negative_curvature(x, x, bowl)
    (1.0, 0.0)
    """
    if not 0 <= ratio < 1:
        raise ValueError(f"ratio must lie in [0, 1), got {ratio:g}")
    if rounding < 0:
        raise ValueError(f"rounding must be 0 or above, got {rounding:g}")
    smallest, largest = principal_curvatures(x, y, z)
    known = np.isfinite(smallest)
    if not known.any():
        return np.nan
    down = (smallest < -_noise(x, y, z, rounding)) & ((-smallest > ratio * abs(largest)) | (largest <= 0))
    return float(down[known].mean())


def principal_curvatures(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> tuple[Array, Array]:
    """Smallest and largest eigenvalue (Y - 2, X - 2) of the Hessian by finite differences at the inner points.

    >>> x, y = np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 2.0])  # uneven: the formulas take account of it
    >>> [eigenvalue.item() for eigenvalue in principal_curvatures(x, y, 3 * x**2 - y[:, None] ** 2)]
    [-2.0, 6.0]
    """
    x, y, z = (np.asarray(values, float) for values in (x, y, z))
    if z.shape != (len(y), len(x)) or min(z.shape) < 3:
        raise ValueError(
            f"z must be (Y, X) with 3x3 points or more, got {z.shape} for {len(y)} y, {len(x)} x"
        )
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is left out
        xx = _second_difference(x, z[1:-1])
        yy = _second_difference(y, z[:, 1:-1].T).T
        corners = z[2:, 2:] - z[2:, :-2] - z[:-2, 2:] + z[:-2, :-2]
        xy = corners / np.outer(y[2:] - y[:-2], x[2:] - x[:-2])
        mean, deviation = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
        finite = np.isfinite(mean) & np.isfinite(deviation)
        smallest, largest = mean - deviation, mean + deviation
    return np.where(finite, smallest, np.nan), np.where(finite, largest, np.nan)


def _noise(x: ArrayLike, y: ArrayLike, z: ArrayLike, rounding: float) -> Array:
    """Bound (Y - 2, X - 2) on what a relative error of the nine values around a point does to its curvatures."""
    nearest_x, nearest_y = (
        np.minimum(np.diff(t)[1:], np.diff(t)[:-1]) for t in (np.asarray(x), np.asarray(y))
    )
    around = ndimage.maximum_filter(abs(np.nan_to_num(np.asarray(z, float))), 3)[1:-1, 1:-1]
    with np.errstate(over="ignore"):
        return rounding * around * 4 * (nearest_x**-2.0 + (nearest_y**-2.0)[:, None])


def _second_difference(t: Array, values: Array) -> Array:
    """Second derivative along the last axis at its inner points (central differences, uneven spacing)."""
    before, after = t[1:-1] - t[:-2], t[2:] - t[1:-1]
    slopes = np.diff(values, axis=-1) / np.diff(t)
    return 2 * np.diff(slopes, axis=-1) / (before + after)


def roughness(z: ArrayLike) -> float:
    """How far points lie from the mean of their four neighbours (RMS), in standard deviations of all values.

    A quarter of the discrete Laplacian, over the spread of z: like von Neumann's ratio for a series (1941) and
    Geary's c for maps (1954) it is 0 for a plane, about sqrt(1 + 1/4) = 1.12 for independent noise, 2 for a
    checkerboard, and not touched by shift or scale. (Relative to the range, as one might rather take, a lone spike
    would smooth all the rest away; here a lone spike is as rough as noise.) What is smooth becomes smoother on a finer
    grid, so compare surfaces of one grid only.

    ``z``: (Y, X). A constant has roughness 0.

    >>> rows, columns = np.indices((8, 8))
    >>> round(roughness(2 * rows - columns), 12), roughness((rows + columns) % 2)
    (0.0, 2.0)
    """
    z = np.asarray(z, float)
    if z.ndim != 2 or min(z.shape) < 3:
        raise ValueError(f"z must be (Y, X) with 3x3 points or more, got {z.shape}")
    z = np.where(np.isfinite(z), z, np.nan)
    if np.isnan(z).all():
        return np.nan
    z = z / (np.nanmax(abs(z)) or 1.0)  # squares of 1e200 are beyond float range
    around = (z[:-2, 1:-1] + z[2:, 1:-1] + z[1:-1, :-2] + z[1:-1, 2:]) / 4
    deviations = z[1:-1, 1:-1] - around
    if np.isnan(deviations).all():
        return np.nan
    spread = np.nanstd(z)
    return float(np.sqrt(np.nanmean(deviations**2)) / spread) if spread > 0 else 0.0
