"""The density of a matrix's eigenvalues, by stochastic Lanczos quadrature."""

from math import ceil, isfinite, pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]

_MARGIN = 5.0  # standard deviations of a Gaussian beyond which its mass (6e-7) does not show


class Density(NamedTuple):
    """A density over eigenvalues, as the mean of one for each probe."""

    eigenvalue: _Array  # (points,) evenly spaced, from below the lowest node, or 0, to above the highest
    value: _Array  # (points,)
    standard_error: _Array  # (points,) over the probes; NaN for a single one
    sigma: float  # standard deviation of the Gaussian that stands for an eigenvalue

    @property
    def integral(self) -> float:
        """Integral by the trapezoid rule: 1 but for what the grid and its ends leave out."""
        return float(np.trapezoid(self.value, self.eigenvalue))


def broadened(nodes: _Array, weights: _Array, *, variance: float, points: int) -> Density:
    """Density of Gauss quadratures, each ``nodes`` and ``weights`` (probes, steps), with Gaussians as peaks.

    ``variance`` is that of a Gaussian, in units of the squared range of the nodes and 0. Ghorbani et al. 2019
    (arXiv:1901.10159) take 1e-5, for a spectrum scaled to a range of 1. Nodes that are
    NaN are left out, as those that a shorter Lanczos run has not; all is NaN where no node is finite.

    ValueError if ``points`` are too few to see a Gaussian.

    >>> density = broadened(np.array([[0.0, 1.0]]), np.array([[0.75, 0.25]]), variance=0.01, points=501)
    >>> round(density.integral, 5), round(float(density.value @ density.eigenvalue / density.value.sum()), 5)
    (1.0, 0.25)
    """
    check_resolution(variance, points)
    if not np.isfinite(nodes).any():
        empty = np.full(points, np.nan)
        return Density(empty, empty, empty, np.nan)
    low, high = min(float(np.nanmin(nodes)), 0.0), max(float(np.nanmax(nodes)), 0.0)
    sigma = sqrt(variance) * ((high - low) or 1.0)  # a matrix of zeros has no scale
    grid = np.linspace(low - _MARGIN * sigma, high + _MARGIN * sigma, points)
    each = np.stack([_mixture(grid, *pair, sigma) for pair in zip(nodes, weights, strict=True)])
    spread = each.std(0, ddof=1) if len(each) > 1 else np.full(points, np.nan)
    return Density(grid, each.mean(0), spread / sqrt(len(each)), sigma)


def _mixture(grid: _Array, nodes: _Array, weights: _Array, sigma: float) -> _Array:
    """Sum of Gaussians at ``nodes``, (steps,), each of its weight, over ``grid``, (points,)."""
    there = np.isfinite(nodes)
    peaks = np.exp(-0.5 * ((grid[:, None] - nodes[there]) / sigma) ** 2)  # (points, steps)
    return peaks @ weights[there] / (sigma * sqrt(2 * pi))


def check_resolution(variance: float, points: int) -> None:
    """Raise ValueError unless ``points`` are at most a standard deviation of a Gaussian apart.

    >>> check_resolution(1e-5, 100)
    Traceback (most recent call last):
    ValueError: points must be >= 328 for a variance of 1e-05, else Gaussians fall between them, got 100
    """
    if not (isfinite(variance) and 0 < variance <= 1):
        raise ValueError(f"variance must be between 0 and 1, in units of the squared range, got {variance}")
    fewest = ceil(1 / sqrt(variance) + 2 * _MARGIN) + 1
    if points < fewest:
        why = f"for a variance of {variance:g}, else Gaussians fall between them"
        raise ValueError(f"points must be >= {fewest} {why}, got {points}")
