"""Lanczos runs on dense matrices, against numpy."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from lossatlas.landscape.curvature.operators import SymmetricOperator
from lossatlas.landscape.curvature.tridiagonal import Tridiagonal, tridiagonal

Dense = Callable[[Tensor], SymmetricOperator]


def symmetric(eigenvalues: Tensor, rng: torch.Generator) -> Tensor:
    """A matrix with these eigenvalues and random eigenvectors."""
    q, _ = torch.linalg.qr(
        torch.randn(len(eigenvalues), len(eigenvalues), generator=rng, dtype=torch.float64)
    )
    return q @ torch.diag(eigenvalues.double()) @ q.T


def test_after_all_steps_the_nodes_are_the_eigenvalues(dense: Dense, rng: torch.Generator) -> None:
    matrix = symmetric(torch.linspace(-2, 5, 30), rng)
    start = torch.randn(30, generator=rng, dtype=torch.float64)
    nodes, weights = tridiagonal(dense(matrix), start, 30).quadrature()
    values, vectors = np.linalg.eigh(matrix.numpy())
    np.testing.assert_allclose(nodes, values, atol=1e-10)
    expected = (vectors.T @ (start / start.norm()).numpy()) ** 2
    np.testing.assert_allclose(weights, expected, atol=1e-8)


@pytest.mark.parametrize("degree", range(12))
def test_six_nodes_integrate_polynomials_up_to_degree_eleven(
    dense: Dense, degree: int, rng: torch.Generator
) -> None:
    """Gauss quadrature with m nodes is exact up to degree 2 m - 1: q' A^k q, with numpy's power."""
    matrix = symmetric(torch.linspace(-1, 1.5, 40), rng)
    start = torch.randn(40, generator=rng, dtype=torch.float64)
    nodes, weights = tridiagonal(dense(matrix), start, 6).quadrature()
    q = (start / start.norm()).numpy()
    expected = q @ np.linalg.matrix_power(matrix.numpy(), degree) @ q
    assert weights @ nodes**degree == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_an_eigenvalue_comes_once_where_lanczos_without_reorthogonalisation_repeats_it(
    dense: Dense, rng: torch.Generator
) -> None:
    eigenvalues = torch.cat([torch.rand(299, generator=rng), torch.tensor([100.0])])
    matrix = symmetric(eigenvalues, rng).float()
    start = torch.randn(300, generator=rng)
    nodes, _ = tridiagonal(dense(matrix), start, 80).quadrature()
    assert (nodes > 50).sum() == 1
    assert (_plain_lanczos(matrix, start, 80).quadrature()[0] > 50).sum() > 1


def _plain_lanczos(matrix: Tensor, start: Tensor, steps: int) -> Tridiagonal:
    """The three-term recurrence alone, as in textbooks."""
    before, v, beta = torch.zeros_like(start), start / start.norm(), 0.0
    diagonal, offdiagonal = [], []
    for _ in range(steps):
        w = matrix @ v - beta * before
        diagonal.append(float(w @ v))
        w = w - diagonal[-1] * v
        beta = float(w.norm())
        offdiagonal.append(beta)
        before, v = v, w / beta
    return Tridiagonal(np.array(diagonal), np.array(offdiagonal[:-1]))


def test_a_run_ends_in_a_space_that_the_matrix_does_not_leave(dense: Dense, rng: torch.Generator) -> None:
    """The start vector has parts along three eigenvectors only, of eigenvalues 0, 1 and 4."""
    eigenvalues = torch.tensor([0.0, 1.0, 4.0, 9.0, 16.0], dtype=torch.float64)
    run = tridiagonal(dense(torch.diag(eigenvalues)), torch.tensor([1.0, 1, 1, 0, 0]).double(), 5)
    np.testing.assert_allclose(run.quadrature()[0], [0, 1, 4], atol=1e-12)


def test_a_matrix_of_zeros_has_one_node_at_zero(dense: Dense) -> None:
    nodes, weights = tridiagonal(dense(torch.zeros(4, 4)), torch.ones(4), 4).quadrature()
    assert (nodes.tolist(), weights.tolist()) == ([0.0], [1.0])


def test_products_that_are_not_finite_give_nan(dense: Dense) -> None:
    nodes, weights = tridiagonal(dense(torch.full((3, 3), torch.nan)), torch.ones(3), 3).quadrature()
    assert np.isnan(nodes).all()
    assert np.isnan(weights).all()


def test_bad_input_is_refused(dense: Dense) -> None:
    with pytest.raises(ValueError, match="steps must be >= 1, got 0"):
        tridiagonal(dense(torch.eye(2)), torch.ones(2), 0)
    with pytest.raises(ValueError, match="the start vector of a Lanczos run is zero"):
        tridiagonal(dense(torch.eye(2)), torch.zeros(2), 1)
