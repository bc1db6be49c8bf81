"""Lanczos' method against spectra that are known, and numpy's on random dense matrices."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from lossatlas.landscape.curvature.lanczos import lanczos
from lossatlas.landscape.curvature.operators import SymmetricOperator
from lossatlas.landscape.curvature.ritz import Extremes, Wanted

Dense = Callable[[Tensor], SymmetricOperator]


def with_eigenvalues(values: Tensor, seed: int = 0) -> Tensor:
    """A dense matrix with these eigenvalues, (n,), in random directions."""
    rng = torch.Generator().manual_seed(seed)
    q, _ = torch.linalg.qr(torch.randn(len(values), len(values), generator=rng, dtype=torch.float64))
    return q @ torch.diag(values) @ q.T


def like_a_network(seed: int) -> Tensor:
    """A bulk about zero, a few large eigenvalues, and small negative ones."""
    rng = torch.Generator().manual_seed(seed)
    bulk = 0.1 * torch.randn(180, generator=rng, dtype=torch.float64)
    ends = torch.tensor([-0.9, -0.7, 3.0, 5.0, 5.5, 17.0], dtype=torch.float64)
    return with_eigenvalues(torch.cat([bulk, ends]), seed)


def assert_bounds_hold(found: Extremes, matrix: Tensor) -> None:
    truth = np.linalg.eigvalsh(matrix.double().numpy())
    for pairs in (found.low, found.high):
        vectors = pairs.vectors.double()
        values = torch.from_numpy(pairs.values)
        true_residuals = (vectors @ matrix.double() - values[:, None] * vectors).norm(dim=1).numpy()
        assert (true_residuals <= pairs.residuals * (1 + 1e-6)).all()
        distances = np.abs(pairs.values[:, None] - truth).min(axis=1)
        assert (distances <= pairs.residuals).all()
        assert (pairs.errors <= pairs.residuals).all()
        gram = vectors @ vectors.T
        assert torch.allclose(gram, torch.eye(len(gram), dtype=gram.dtype), atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_both_ends_come_out_to_the_tolerance_and_bounds_hold(
    dense: Dense, seed: int, dtype: torch.dtype
) -> None:
    matrix = like_a_network(seed).to(dtype)
    found = lanczos(dense(matrix), Wanted(smallest=2, largest=3), seed=seed)
    truth = np.linalg.eigvalsh(matrix.double().numpy())
    assert found.converged
    assert found.products < 60
    np.testing.assert_allclose(found.low.values, truth[:2], rtol=0.01)
    np.testing.assert_allclose(found.high.values, truth[:-4:-1], rtol=0.01)
    assert_bounds_hold(found, matrix)


@pytest.mark.parametrize("seed", range(3))
def test_the_estimated_error_is_of_the_order_of_the_error(dense: Dense, seed: int) -> None:
    """The residual overstates it by far; what is estimated from the gap does not understate it by much."""
    matrix = like_a_network(seed)
    truth = np.linalg.eigvalsh(matrix.numpy())
    for tolerance in (0.01, 1e-3, 1e-5):
        found = lanczos(dense(matrix), Wanted(tolerance=tolerance), seed=seed)
        for pairs, true in ((found.low, truth[0]), (found.high, truth[-1])):
            assert abs(pairs.values[0] - true) <= 2 * pairs.errors[0]
            assert pairs.errors[0] <= pairs.residuals[0] <= tolerance * abs(true)


@pytest.mark.parametrize("basis", [10, 25])
def test_a_short_basis_ends_at_the_same_eigenvalues(dense: Dense, basis: int) -> None:
    """Restarts keep the best of the space; 200 evenly spaced eigenvalues need more products than it holds."""
    matrix = with_eigenvalues(torch.linspace(-1.0, 1.0, 200, dtype=torch.float64))
    found = lanczos(dense(matrix), Wanted(tolerance=1e-4), basis=basis, iterations=2000)
    assert found.converged
    assert found.products > basis
    assert found.low.values[0] == pytest.approx(-1.0, rel=1e-4)
    assert found.high.values[0] == pytest.approx(1.0, rel=1e-4)
    assert_bounds_hold(found, matrix)


def test_eigenvalues_come_out_as_often_as_they_are(dense: Dense) -> None:
    """A Krylov space has one vector of each eigenspace; the run goes on in its complement."""
    values = torch.tensor([-2.0] * 3 + [0.0] * 50 + [1.0, 4.0, 4.0, 7.0, 7.0], dtype=torch.float64)
    found = lanczos(dense(with_eigenvalues(values)), Wanted(smallest=4, largest=3))
    assert found.converged
    np.testing.assert_allclose(found.low.values, [-2, -2, -2, 0], atol=1e-10)
    np.testing.assert_allclose(found.high.values, [7, 7, 4], atol=1e-10)


def test_an_invariant_space_ends_a_run_for_single_eigenvalues(dense: Dense) -> None:
    values = torch.tensor([-1.0] * 40 + [3.0] * 60, dtype=torch.float64)
    found = lanczos(dense(with_eigenvalues(values)))
    assert (found.products, found.converged) == (2, True)
    assert found.low.values[0] == pytest.approx(-1)
    assert found.high.values[0] == pytest.approx(3)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_a_small_matrix_comes_out_whole(dense: Dense, n: int) -> None:
    values = torch.arange(1.0, n + 1, dtype=torch.float64)
    found = lanczos(dense(with_eigenvalues(values)), Wanted(1, n - 1, tolerance=1e-9))
    np.testing.assert_allclose(found.low.values, [1], rtol=1e-12)
    np.testing.assert_allclose(found.high.values, np.arange(n, 1, -1.0), rtol=1e-12)


def test_the_zero_matrix_has_eigenvalue_zero(dense: Dense) -> None:
    found = lanczos(dense(torch.zeros(30, 30)))
    assert found.converged
    assert (found.low.values[0], found.high.values[0]) == (0, 0)


def test_an_eigenvalue_near_zero_is_known_to_be_so_small(dense: Dense) -> None:
    """Beside 100, what lies within 0.01 of zero is good enough: its relative error would cost many products."""
    rng = torch.Generator().manual_seed(0)
    bulk = 1e-4 * torch.randn(300, generator=rng, dtype=torch.float64)
    matrix = with_eigenvalues(torch.cat([bulk, torch.tensor([100.0], dtype=torch.float64)]))
    found = lanczos(dense(matrix))
    assert found.converged
    assert found.products < 10
    assert abs(found.low.values[0] - float(bulk.min())) < 0.01


def test_one_end_alone_can_be_wanted(dense: Dense) -> None:
    matrix = like_a_network(0)
    high = lanczos(dense(matrix), Wanted(smallest=0, largest=1))
    low = lanczos(dense(matrix), Wanted(smallest=1, largest=0))
    assert high.products < low.products
    assert (len(high.low.values), len(low.high.values)) == (0, 0)
    assert high.high.values[0] == pytest.approx(17, rel=0.01)
    assert low.low.values[0] == pytest.approx(-0.9, rel=0.01)


def test_a_run_that_is_cut_short_says_so_and_its_bounds_still_hold(dense: Dense) -> None:
    matrix = like_a_network(0)
    found = lanczos(dense(matrix), iterations=4)
    assert (found.products, found.converged) == (4, False)
    assert_bounds_hold(found, matrix)


def test_the_seed_alone_decides(dense: Dense) -> None:
    operator = dense(like_a_network(0))
    torch.manual_seed(1)
    first = lanczos(operator, seed=3)
    torch.manual_seed(2)
    assert torch.equal(lanczos(operator, seed=3).vectors, first.vectors)
    assert not torch.equal(lanczos(operator, seed=4).vectors, first.vectors)


def test_each_product_is_heard_and_may_be_the_last(dense: Dense) -> None:
    heard: list[int] = []
    found = lanczos(dense(like_a_network(0)), heard=lambda: heard.append(1))
    assert len(heard) == found.products

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lanczos(dense(like_a_network(0)), heard=stop)


def test_a_matrix_that_is_not_finite_is_refused(dense: Dense) -> None:
    matrix = torch.eye(5)
    matrix[2, 2] = torch.nan
    with pytest.raises(ArithmeticError, match="not finite"):
        lanczos(dense(matrix))


@pytest.mark.parametrize(
    ("wanted", "options", "message"),
    [
        ({"smallest": -1}, {}, "smallest must be >= 0, got -1"),
        ({"smallest": 0, "largest": 0}, {}, "no eigenvalue is wanted"),
        ({"tolerance": 0.0}, {}, r"tolerance must be between 0 and 1, got 0\.0"),
        ({"tolerance": float("nan")}, {}, "tolerance must be between 0 and 1, got nan"),
        ({"largest": 5}, {}, "1 smallest and 5 largest eigenvalues are more than the 5 that there are"),
        ({}, {"iterations": 1}, "iterations must be >= 2, the eigenvalues wanted, got 1"),
        ({}, {"basis": 3}, "basis must be >= 4 for so many eigenvalues, got 3"),
    ],
)
def test_a_value_out_of_its_range_is_refused(
    dense: Dense, wanted: dict[str, float], options: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        lanczos(dense(torch.eye(5)), Wanted(**wanted), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("tolerance", "converged"), [(1e-4, True), (1e-6, False)])
def test_a_space_that_is_exhausted_has_converged_only_where_residuals_are_small_enough(
    dense: Callable[[Tensor], SymmetricOperator], tolerance: float, converged: bool
) -> None:
    """Rounding in float32 leaves residuals of some 1e-6 of the largest eigenvalue, whatever the space."""
    found = lanczos(dense(torch.diag(torch.tensor([1.0, 2.0, 4.0]))), Wanted(tolerance=tolerance))
    assert found.products == 3
    assert found.converged is converged
    relative = np.concatenate([found.low.residuals / 1.0, found.high.residuals / 4.0])
    assert bool(relative.max() <= tolerance) == converged


def test_a_matrix_of_zeros_has_converged(dense: Callable[[Tensor], SymmetricOperator]) -> None:
    found = lanczos(dense(torch.zeros(5, 5)))
    assert found.converged
    assert found.low.values.tolist() == found.high.values.tolist() == [0.0]
