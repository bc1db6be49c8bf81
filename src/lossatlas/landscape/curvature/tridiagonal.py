"""The Lanczos process with full reorthogonalisation: a large symmetric matrix as a small tridiagonal one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from torch import Tensor

from lossatlas.landscape.curvature.operators import SymmetricOperator, inner
from lossatlas.landscape.curvature.ritz import orthogonalized, rounding


@dataclass(frozen=True)
class Tridiagonal:
    """The matrix T = Q' A Q of a Lanczos run of m steps, with Q (n, m) orthonormal from the start vector on."""

    diagonal: NDArray[np.float64]  # (m,)
    offdiagonal: NDArray[np.float64]  # (m - 1,)

    def quadrature(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Nodes, ascending, and weights, (m,) each, of the Gauss quadrature for the start vector's measure.

        With q the start vector, of length 1, sum_j weights_j p(nodes_j) is q' p(A) q for every polynomial p of
        degree up to 2 m - 1 (Golub and Welsch 1969). NaN where the products with A were not finite.

        >>> Tridiagonal(np.array([2.0, 2.0]), np.array([1.0])).quadrature()
        (array([1., 3.]), array([0.5, 0.5]))
        """
        if not (np.isfinite(self.diagonal).all() and np.isfinite(self.offdiagonal).all()):
            return np.full_like(self.diagonal, np.nan), np.full_like(self.diagonal, np.nan)
        nodes, vectors = eigh_tridiagonal(self.diagonal, self.offdiagonal)
        return np.asarray(nodes, np.float64), np.asarray(vectors[0], np.float64) ** 2


def tridiagonal(operator: SymmetricOperator, start: Tensor, steps: int) -> Tridiagonal:
    """Run ``steps`` steps of Lanczos on ``operator`` from ``start``, (n,), which need not have length 1.

    Each vector is made orthogonal to all that came before: else eigenvalues come back as copies of themselves.
    That takes memory for ``steps`` vectors. There are fewer steps, at least one, where the vectors span a space
    that the matrix does not leave, as after n of them at the latest, and where a product is not finite.

    ValueError if ``steps`` is not positive or ``start`` is zero.

    >>> import torch
    >>> class Diagonal:
    ...     n, dtype, device = 3, torch.float64, torch.device("cpu")
    ...     def __call__(self, vector):
    ...         return torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64) * vector
    >>> run = tridiagonal(Diagonal(), torch.ones(3, dtype=torch.float64), steps=10)
    >>> len(run.diagonal), run.quadrature()[0].round(12)
    (3, array([1., 2., 4.]))
    """
    if steps < 1:
        raise ValueError(f"steps must be >= 1, got {steps}")
    length = inner(start, start) ** 0.5
    if length == 0:
        raise ValueError("the start vector of a Lanczos run is zero")
    basis = start.new_empty(min(steps, operator.n), operator.n)  # row j is vector j
    basis[0] = start / length
    diagonal: list[float] = []
    offdiagonal: list[float] = []
    for j in range(len(basis)):
        product = operator(basis[j])
        diagonal.append(inner(basis[j], product))
        rest, _ = orthogonalized(product, basis[: j + 1])
        beta = inner(rest, rest) ** 0.5
        if j + 1 == len(basis) or not beta > rounding(np.array([*diagonal, *offdiagonal]), start.dtype):
            break
        basis[j + 1] = rest / beta
        offdiagonal.append(beta)
    return Tridiagonal(np.array(diagonal), np.array(offdiagonal))
