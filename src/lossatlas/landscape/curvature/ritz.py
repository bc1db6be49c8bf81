"""Ritz pairs at the ends of a spectrum: approximate eigenvalues with bounds, and when they are good enough."""

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Values = NDArray[np.float64]

_TINY = 1e-300  # keeps the zero matrix from a division by zero
_ROUNDING = 32  # units of rounding that a product and a sum over it may be off, relative to A's norm


@dataclass(frozen=True, eq=False)
class Eigenpairs:
    """Approximate eigenvalues at one end of a spectrum, the outermost first."""

    values: Values  # (k,)
    residuals: Values  # (k,) ||A v - value v||: an eigenvalue lies within this distance
    errors: Values  # (k,) estimated: residual**2 / gap (Parlett 1998, theorem 11.7.1), if smaller
    vectors: Tensor  # (k, n), orthonormal


@dataclass(frozen=True, eq=False)
class Extremes:
    """Both ends of a spectrum."""

    low: Eigenpairs  # smallest first
    high: Eigenpairs  # largest first
    products: int  # with the operator that it took
    converged: bool  # to the tolerance, before the products ran out

    @property
    def vectors(self) -> Tensor:
        """Those of both ends, (k, n): a start for a matrix nearby."""
        return torch.cat([self.low.vectors, self.high.vectors])


@dataclass(frozen=True)
class Wanted:
    """How many eigenvalues at either end, and how well.

    A value is good enough once its residual, within which an eigenvalue lies for certain, is at most
    ``tolerance`` times its absolute value; its error is usually far smaller. A residual of ``tolerance`` / 100,
    and at most 1e-4, of the largest absolute value is small enough in any case: an eigenvalue near zero beside
    large ones is known to be so small, no better.

    ValueError if nothing is wanted or ``tolerance`` is not between 0 and 1.

    >>> Wanted(tolerance=0.1).lacking(Ritz(np.array([-2.0, 0.0, 9.0]), np.array([0.3, 0.0, 0.5]), np.eye(3)))
    array([0])
    """

    smallest: int = 1
    largest: int = 1
    tolerance: float = 0.01

    def __post_init__(self) -> None:
        for name in ("smallest", "largest"):
            if (given := getattr(self, name)) < 0:
                raise ValueError(f"{name} must be >= 0, got {given}")
        if self.number == 0:
            raise ValueError("smallest and largest are both 0: no eigenvalue is wanted")
        if not (isfinite(self.tolerance) and 0 < self.tolerance < 1):
            raise ValueError(f"tolerance must be between 0 and 1, got {self.tolerance}")

    @property
    def number(self) -> int:
        """Of eigenvalues at both ends."""
        return self.smallest + self.largest

    def check(self, n: int, iterations: int, basis: int, least: int) -> None:
        """Raise ValueError unless there are as many among ``n``, and products and a basis for so many."""
        if self.number > n:
            wanted = f"{self.smallest} smallest and {self.largest} largest eigenvalues"
            raise ValueError(f"{wanted} are more than the {n} that there are")
        if iterations < self.number:
            raise ValueError(f"iterations must be >= {self.number}, the eigenvalues wanted, got {iterations}")
        if basis < least:
            raise ValueError(f"basis must be >= {least} for so many eigenvalues, got {basis}")

    def low(self, size: int) -> NDArray[np.intp]:
        """Places of the smallest among ``size`` ascending values, from the end inwards."""
        return np.arange(min(self.smallest, size))

    def high(self, size: int) -> NDArray[np.intp]:
        """Places of the largest, from the end inwards."""
        return size - 1 - np.arange(min(self.largest, size))

    def ends(self, size: int) -> NDArray[np.intp]:
        """Places of both."""
        return np.concatenate([self.low(size), self.high(size)])

    def outermost(self, size: int, number: int) -> NDArray[np.intp]:
        """Places of about ``number`` values from the ends, and of all that are wanted, ascending."""
        share = number * self.smallest // self.number
        low = max(self.smallest, share)
        high = max(self.largest, number - share)
        places = np.arange(size)
        return places[(places < low) | (places >= size - high)]

    def lacking(self, ritz: "Ritz") -> NDArray[np.intp]:
        """Places of the wanted values that are not good enough."""
        sizes = np.abs(ritz.values)
        small = min(self.tolerance, 0.01) * 0.01 * sizes.max(initial=0.0) + _TINY
        allowed = np.maximum(self.tolerance * sizes, small)
        places = self.ends(len(sizes))
        return places[(ritz.residuals > allowed)[places]]

    def satisfied(self, ritz: "Ritz") -> bool:
        """Whether there are enough values at both ends, all good enough."""
        return len(ritz.values) >= self.number and not len(self.lacking(ritz))


@dataclass(frozen=True, eq=False)
class Ritz:
    """Eigenpairs of an operator's projection onto a space with an orthonormal basis of m vectors."""

    values: Values  # (m,) ascending
    residuals: Values  # (m,)
    coordinates: Values  # (m, m), a column each, in the basis
    rounding: float = 0.0  # how far all of these may be off beside

    def extremes(self, wanted: Wanted, basis: Tensor, products: int, *, converged: bool) -> Extremes:
        """Those at the ends, with vectors from the coordinates and the ``basis``, (m, n)."""
        size = len(self.values)
        low, high = (self._pairs(places, basis) for places in (wanted.low(size), wanted.high(size)))
        return Extremes(low, high, products, converged)

    def _pairs(self, places: NDArray[np.intp], basis: Tensor) -> Eigenpairs:
        return Eigenpairs(
            self.values[places],
            self.residuals[places],
            self.errors[places],
            combined(self.coordinates[:, places], basis),
        )

    @cached_property
    def errors(self) -> Values:
        """Estimated error of each value, (m,): residual**2 / gap, or the residual where that is smaller.

        The gap is to the nearest of the other values less its own residual: that near another eigenvalue may
        be, unless there is one of which the space knows nothing.
        """
        away = np.abs(self.values[:, None] - self.values) - self.residuals  # (m, m)
        np.fill_diagonal(away, np.inf)
        estimated = self.residuals**2 / np.maximum(away.min(axis=1), self.residuals)
        return np.minimum(estimated + self.rounding, self.residuals)


def rounding(values: Values, dtype: torch.dtype) -> float:
    """Residual below which a pair of an operator with these Ritz ``values`` cannot be told from an exact one."""
    return _ROUNDING * torch.finfo(dtype).eps * float(np.abs(values).max(initial=0.0)) + _TINY


def combined(coordinates: Values, basis: Tensor) -> Tensor:
    """Vectors with these ``coordinates``, (m, k), in the ``basis``, (m, n), as rows, (k, n)."""
    return torch.tensor(coordinates.T, dtype=basis.dtype, device=basis.device) @ basis


def orthogonalized(vector: Tensor, basis: Tensor) -> tuple[Tensor, Values]:
    """``vector``, (n,), less its part in the span of ``basis``, (m, n), and that part's coordinates, (m,).

    By classical Gram-Schmidt, twice, which is enough (Giraud et al. 2005).

    >>> rest, coordinates = orthogonalized(torch.tensor([5.0, 3.0]), torch.tensor([[1.0, 0.0]]))
    >>> rest, coordinates
    (tensor([0., 3.]), array([5.]))
    """
    first = basis @ vector
    rest = vector - first @ basis
    second = basis @ rest
    return rest - second @ basis, (first + second).double().cpu().numpy()
