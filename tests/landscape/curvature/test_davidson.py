"""Davidson's method from nearby eigenvectors, against numpy and a cold start."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from lossatlas.landscape.curvature.davidson import davidson
from lossatlas.landscape.curvature.lanczos import lanczos
from lossatlas.landscape.curvature.operators import SymmetricOperator
from lossatlas.landscape.curvature.ritz import Wanted

Dense = Callable[[Tensor], SymmetricOperator]


def symmetric(seed: int, n: int = 150) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    noise = torch.randn(n, n, generator=rng, dtype=torch.float64) / n**0.5
    spikes = torch.randn(n, 3, generator=rng, dtype=torch.float64) / n**0.5
    return (noise + noise.T) / 8 + spikes @ torch.diag(torch.tensor([9.0, 4.0, -2.0]).double()) @ spikes.T


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_warm_start_finds_what_numpy_finds_with_fewer_products(
    dense: Dense, seed: int, dtype: torch.dtype
) -> None:
    before = lanczos(dense(symmetric(seed).to(dtype)))
    matrix = (symmetric(seed) + 0.1 * symmetric(seed + 100)).to(dtype)
    cold, warm = lanczos(dense(matrix)), davidson(dense(matrix), before.vectors)
    truth = np.linalg.eigvalsh(matrix.double().numpy())
    assert warm.converged
    assert warm.products < cold.products
    np.testing.assert_allclose(warm.low.values, truth[:1], rtol=0.01)
    np.testing.assert_allclose(warm.high.values, truth[-1:], rtol=0.01)
    for pairs in (warm.low, warm.high):
        vectors = pairs.vectors.double()
        values = torch.from_numpy(pairs.values)
        residuals = (vectors @ matrix.double() - values[:, None] * vectors).norm(dim=1).numpy()
        np.testing.assert_allclose(residuals, pairs.residuals, rtol=1e-3, atol=1e-4)
        assert (np.abs(pairs.values[:, None] - truth).min(axis=1) <= pairs.residuals).all()


def test_the_eigenvectors_themselves_take_a_product_each(dense: Dense) -> None:
    matrix = symmetric(0)
    _, vectors = torch.linalg.eigh(matrix)
    found = davidson(dense(matrix), vectors[:, [0, -1]].T.contiguous(), Wanted(tolerance=1e-8))
    assert (found.products, found.converged) == (2, True)


@pytest.mark.parametrize("basis", [6, 9])
def test_a_short_basis_ends_at_the_same_eigenvalues(dense: Dense, basis: int) -> None:
    matrix, start = symmetric(1), torch.randn(2, 150, dtype=torch.float64)
    wanted = Wanted(tolerance=1e-6)
    found = davidson(dense(matrix), start, wanted, basis=basis, iterations=2000)
    truth = np.linalg.eigvalsh(matrix.numpy())
    assert found.converged
    assert found.products > basis
    assert found.low.values[0] == pytest.approx(truth[0], rel=1e-6)
    assert found.high.values[0] == pytest.approx(truth[-1], rel=1e-6)


def test_several_at_either_end_grow_from_fewer_rows(dense: Dense) -> None:
    matrix = symmetric(2)
    start = torch.randn(1, 150, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = davidson(dense(matrix), start, Wanted(2, 3, tolerance=1e-4), iterations=1000)
    truth = np.linalg.eigvalsh(matrix.numpy())
    np.testing.assert_allclose(found.low.values, truth[:2], rtol=1e-4)
    np.testing.assert_allclose(found.high.values, truth[:-4:-1], rtol=1e-4)


def test_rows_that_add_nothing_cost_nothing(dense: Dense) -> None:
    matrix = symmetric(3)
    _, vectors = torch.linalg.eigh(matrix)
    ends = vectors[:, [0, -1]].T.contiguous()
    start = torch.cat([ends, 2 * ends, torch.zeros(1, 150, dtype=torch.float64)])
    assert davidson(dense(matrix), start).products == 2


def test_a_run_that_is_cut_short_says_so(dense: Dense) -> None:
    start = torch.randn(2, 150, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = davidson(dense(symmetric(0)), start, iterations=5)
    assert (found.products, found.converged) == (5, False)


def test_a_space_that_is_invariant_too_early_is_not_taken_for_converged(dense: Dense) -> None:
    """One eigenvector is a start from which the other end is never found."""
    _, vectors = torch.linalg.eigh(symmetric(0))
    found = davidson(dense(symmetric(0)), vectors[:, :1].T.contiguous())
    assert not found.converged


def test_a_matrix_that_is_not_finite_is_refused(dense: Dense) -> None:
    with pytest.raises(ArithmeticError, match="not finite"):
        davidson(dense(torch.full((5, 5), torch.inf)), torch.eye(5)[:2])


def test_a_basis_that_is_too_short_is_refused(dense: Dense) -> None:
    with pytest.raises(ValueError, match="basis must be >= 6 for so many eigenvalues, got 5"):
        davidson(dense(torch.eye(9)), torch.eye(9)[:2], basis=5)
