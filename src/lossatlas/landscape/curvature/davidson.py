"""Davidson's method, warm-started from near eigenvectors such as those at a neighbouring point."""

import numpy as np
import torch
from torch import Tensor

from lossatlas.landscape.curvature.operators import SymmetricOperator
from lossatlas.landscape.curvature.ritz import (
    Extremes,
    Ritz,
    Values,
    Wanted,
    combined,
    orthogonalized,
    rounding,
)

_BASIS = 40  # vectors of the basis that are held at once, each with its product

_NOTHING_NEW = 1e-3  # share of a vector that must lie outside the space for it to be added


def davidson(
    operator: SymmetricOperator,
    start: Tensor,
    wanted: Wanted = Wanted(),  # noqa: B008 (it is frozen)
    *,
    iterations: int = 300,
    basis: int = _BASIS,
) -> Extremes:
    """Eigenvalues of ``operator`` at both ends, from the space that the rows of ``start``, (k, n), span.

    The space grows by the residuals of the wanted Ritz pairs that are not good enough yet (Davidson 1975,
    without a preconditioner) until all are, or after ``iterations`` products: one for each row of ``start``
    and for each residual. At most ``basis`` vectors are held: then the space is reduced to the outermost Ritz
    vectors. As with any method of this kind, an eigenvector orthogonal to ``start`` is not found.

    ValueError for a value out of its range, and ArithmeticError if a product is not finite.

    >>> from types import SimpleNamespace
    >>> class Diagonal(SimpleNamespace):
    ...     def __call__(self, vector):
    ...         return self.entries * vector
    >>> entries = torch.linspace(-1.0, 9.0, 100, dtype=torch.float64)
    >>> diagonal = Diagonal(entries=entries, n=100, dtype=entries.dtype, device=entries.device)
    >>> near = torch.eye(100, dtype=torch.float64)[[0, -1]] + 1e-4  # the two eigenvectors, nearly
    >>> extremes = davidson(diagonal, near)
    >>> extremes.low.values.round(4), extremes.high.values.round(4), extremes.products
    (array([-1.]), array([9.]), 2)
    """
    wanted.check(operator.n, iterations, basis, least=max(len(start), 2 * wanted.number) + 2)
    space = _Space(operator, min(basis, operator.n))
    additions = start
    while True:
        grown = [space.add(vector) for vector in additions if space.products < iterations]
        ritz = space.ritz()
        done = wanted.satisfied(ritz)
        if done or not any(grown) or space.products >= iterations:
            return space.extremes(ritz, wanted, converged=done)
        additions = space.directions(ritz, wanted)


class _Space:
    """An orthonormal basis, what the operator makes of it, and the operator's projection onto it."""

    def __init__(self, operator: SymmetricOperator, capacity: int) -> None:
        self._operator = operator
        self._basis = torch.empty(capacity, operator.n, dtype=operator.dtype, device=operator.device)
        self._images = torch.empty_like(self._basis)
        self._projection = np.zeros((capacity, capacity))
        self.size = 0
        self.products = 0

    def add(self, vector: Tensor) -> bool:
        """Take what ``vector`` has outside the space into it, with a product; False if that is nothing."""
        j = self.size
        rest, _ = orthogonalized(vector, self._basis[:j])
        length = torch.linalg.vector_norm(rest)
        if j == self._operator.n or not length > _NOTHING_NEW * torch.linalg.vector_norm(vector):
            return False
        self._basis[j] = rest / length
        self._images[j] = self._operator(self._basis[j])
        self.products += 1
        self.size = j + 1
        column = (self._basis[: j + 1] @ self._images[j]).double().cpu().numpy()
        if not np.isfinite(column).all():
            raise ArithmeticError("a product with the matrix is not finite, so it has no eigenvalues")
        self._projection[: j + 1, j] = self._projection[j, : j + 1] = column
        return True

    def ritz(self) -> Ritz:
        """Ritz pairs in the space."""
        values, coordinates = np.linalg.eigh(self._projection[: self.size, : self.size])
        lengths = torch.linalg.vector_norm(self._outside(values, coordinates), dim=1)
        residuals = lengths.double().cpu().numpy()
        noise = rounding(values, self._operator.dtype)
        return Ritz(values, residuals + noise, coordinates, noise)

    def _outside(self, values: Values, coordinates: Values) -> Tensor:
        """A u - value u, (k, n), of k Ritz vectors u by their ``coordinates``, (m, k)."""
        images = combined(coordinates, self._images[: self.size])
        return images - combined(coordinates * values, self._basis[: self.size])

    def directions(self, ritz: Ritz, wanted: Wanted) -> Tensor:
        """What the space lacks: residual vectors of the wanted pairs that are not good enough, (k, n)."""
        places = wanted.lacking(ritz)
        lacking = self._outside(ritz.values[places], ritz.coordinates[:, places])
        if self.size + len(places) > len(self._projection):
            self._reduce(ritz, wanted)
        return lacking

    def _reduce(self, ritz: Ritz, wanted: Wanted) -> None:
        places = wanted.outermost(self.size, self.size // 2)
        chosen = ritz.coordinates[:, places]
        for matrix in (self._basis, self._images):
            matrix[: len(places)] = combined(chosen, matrix[: self.size])
        self.size = len(places)
        self._projection[: self.size, : self.size] = np.diag(ritz.values[places])

    def extremes(self, ritz: Ritz, wanted: Wanted, *, converged: bool) -> Extremes:
        """The wanted pairs."""
        return ritz.extremes(wanted, self._basis[: self.size], self.products, converged=converged)
