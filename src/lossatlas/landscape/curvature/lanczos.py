"""Lanczos' method with full reorthogonalisation: both ends of a spectrum from one Krylov space."""

from collections.abc import Callable

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
from lossatlas.seeds import generator

_BASIS = 100  # vectors of the basis that are held at once: so many times the memory of the weights


def lanczos(
    operator: SymmetricOperator,
    wanted: Wanted = Wanted(),  # noqa: B008 (it is frozen)
    *,
    iterations: int = 300,
    basis: int = _BASIS,
    seed: int = 0,
    heard: Callable[[], None] | None = None,
) -> Extremes:
    """Eigenvalues of ``operator`` at both ends, from products with the Krylov space of a random vector.

    It ends when the residuals are as small as is ``wanted``, or after ``iterations`` products, or, without having
    converged, where nothing is left but rounding, whose part in a residual is counted. At most
    ``basis`` vectors are held: then the space is reduced to its outermost Ritz vectors (thick restart, Wu and
    Simon 2000). Residuals are beta_m times the last coordinate of each Ritz vector (Parlett 1998, 13.2).

    ``heard`` is called after each product, and may raise to stop the run.

    Should the space be invariant, the run goes on in its complement, so that k-fold eigenvalues come out k
    times if so many are wanted; before that a Krylov space has one vector of each. ValueError for a value out
    of its range, and ArithmeticError if a product is not finite.

    >>> from types import SimpleNamespace
    >>> class Diagonal(SimpleNamespace):
    ...     def __call__(self, vector):
    ...         return self.entries * vector
    >>> entries = torch.linspace(-1.0, 9.0, 100, dtype=torch.float64)
    >>> diagonal = Diagonal(entries=entries, n=100, dtype=entries.dtype, device=entries.device)
    >>> extremes = lanczos(diagonal, Wanted(largest=2, tolerance=1e-6))
    >>> extremes.low.values.round(6), extremes.high.values.round(6)
    (array([-1.]), array([9.     , 8.89899]))
    """
    wanted.check(operator.n, iterations, basis, least=wanted.number + 2)
    space = _Krylov(operator, min(basis, operator.n), seed)
    invariant: Values | None = None  # wanted values when the space was invariant last
    for products in range(1, iterations + 1):
        space.expand()
        if heard is not None:
            heard()
        ritz = space.ritz()
        ends = ritz.values[wanted.ends(len(ritz.values))]
        satisfied = wanted.satisfied(ritz)
        if space.complete:  # as good as rounding lets it be
            return space.extremes(ritz, wanted, products, converged=satisfied)
        if space.invariant:
            single = max(wanted.smallest, wanted.largest) == 1
            if len(ritz.values) >= wanted.number and (single or _same(ends, invariant)):
                return space.extremes(ritz, wanted, products, converged=satisfied)
            invariant = ends
        elif invariant is None and satisfied:
            return space.extremes(ritz, wanted, products, converged=True)
        if products < iterations and space.full:
            space.restart(ritz, wanted)
    return space.extremes(ritz, wanted, iterations, converged=False)


def _same(values: Values, others: Values | None) -> bool:
    return others is not None and values.shape == others.shape and np.allclose(values, others, rtol=1e-4)


class _Krylov:
    """Basis of a Krylov space, and the operator's projection onto it, which is tridiagonal before a restart."""

    def __init__(self, operator: SymmetricOperator, capacity: int, seed: int) -> None:
        self._operator = operator
        self._rng = generator(seed, "lanczos")
        self._basis = torch.empty(capacity + 1, operator.n, dtype=operator.dtype, device=operator.device)
        self._projection = np.zeros((capacity, capacity))
        self._beta = 0.0  # length of what a product has outside the space
        self.size = 0
        self._append(self._random())

    @property
    def full(self) -> bool:
        return self.size == len(self._projection)

    @property
    def complete(self) -> bool:
        """Whether the space is the whole space."""
        return self.size == self._operator.n

    @property
    def invariant(self) -> bool:
        return self._beta == 0.0

    def expand(self) -> None:
        """Take the next vector into the space, with a product."""
        j = self.size
        product = self._operator(self._basis[j])
        rest, coordinates = orthogonalized(product, self._basis[: j + 1])
        if not np.isfinite(coordinates).all():
            raise ArithmeticError("a product with the matrix is not finite, so it has no eigenvalues")
        self._projection[: j + 1, j] = self._projection[j, : j + 1] = coordinates
        self.size = j + 1
        self._beta = float(torch.linalg.vector_norm(rest))
        if self.complete or self._beta <= rounding(self._projection[: j + 1, : j + 1], self._operator.dtype):
            self._beta = 0.0
            rest = self._random()
        self._append(rest)

    def _append(self, vector: Tensor) -> None:
        """Let ``vector`` be the next that is taken into the space."""
        if self.size < self._operator.n:
            self._basis[self.size] = vector / torch.linalg.vector_norm(vector)

    def _random(self) -> Tensor:
        drawn = torch.randn(self._operator.n, generator=self._rng, dtype=torch.float64)
        return orthogonalized(drawn.to(self._basis), self._basis[: self.size])[0]

    def ritz(self) -> Ritz:
        values, coordinates = np.linalg.eigh(self._projection[: self.size, : self.size])
        residuals = self._beta * np.abs(coordinates[-1])
        noise = rounding(values, self._operator.dtype)
        return Ritz(values, residuals + noise, coordinates, noise)

    def restart(self, ritz: Ritz, wanted: Wanted) -> None:
        """Reduce the space to its outermost Ritz vectors, about half of them."""
        size = self.size
        places = wanted.outermost(size, size // 2)
        kept = combined(ritz.coordinates[:, places], self._basis[:size])
        following = self._basis[size].clone()
        self.size = len(places)
        self._basis[: self.size] = kept
        self._basis[self.size] = following
        self._projection[:] = 0.0
        np.fill_diagonal(self._projection[: self.size, : self.size], ritz.values[places])

    def extremes(self, ritz: Ritz, wanted: Wanted, products: int, *, converged: bool) -> Extremes:
        return ritz.extremes(wanted, self._basis[: self.size], products, converged=converged)
