"""Estimates of the trace of dense matrices, against closed forms and curvlinops."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from curvlinops import hutchinson_trace, hutchpp_trace
from torch import Tensor

from lossatlas.landscape.curvature.operators import SymmetricOperator
from lossatlas.landscape.curvature.trace import SketchedTrace, TraceEstimate

Dense = Callable[[Tensor], SymmetricOperator]


@pytest.fixture
def matrix(rng: torch.Generator) -> Tensor:
    """As a Hessian: a few large eigenvalues, many small ones, some negative."""
    q, _ = torch.linalg.qr(torch.randn(40, 40, generator=rng, dtype=torch.float64))
    small = torch.linspace(-0.1, 0.3, 36, dtype=torch.float64)
    large = torch.tensor([10.0, 20.0, 40.0, 80.0], dtype=torch.float64)
    return q @ torch.diag(torch.cat([small, large])) @ q.T


Samples = Callable[..., np.ndarray]


@pytest.fixture
def samples(dense: Dense) -> Samples:
    """Estimates of the trace of a matrix, each from one probe."""

    def draw(matrix: Tensor, sketch: int, number: int, seed: int = 0) -> np.ndarray:
        parts = SketchedTrace(dense(matrix), sketch=sketch, seed=seed)
        return parts.caught() + np.array([parts.sample(index) for index in range(number)])

    return draw


def test_the_spread_of_a_probe_is_that_of_the_entries_beside_the_diagonal(
    samples: Samples, matrix: Tensor
) -> None:
    """var z'Az = 2 sum_{i != j} A_ij**2 for random signs (Avron and Toledo 2011, lemma 9)."""
    drawn = samples(matrix, 0, 3000)
    expected = 2 * float((matrix - torch.diag(matrix.diag())).square().sum())
    assert drawn.var(ddof=1) == pytest.approx(expected, rel=0.15)
    assert drawn.mean() == pytest.approx(matrix.trace().item(), abs=4 * (expected / 3000) ** 0.5)


def test_a_diagonal_matrix_needs_one_probe(samples: Samples) -> None:
    entries = torch.tensor([1.0, -2.0, 7.0])
    assert samples(torch.diag(entries), 0, 1).tolist() == [6.0]


@pytest.mark.parametrize("sketch", [40, 100])
def test_a_sketch_of_all_dimensions_leaves_nothing_to_estimate(
    samples: Samples, matrix: Tensor, sketch: int
) -> None:
    np.testing.assert_allclose(samples(matrix, sketch, 3), matrix.trace().item(), rtol=1e-12)


def test_a_sketch_takes_away_the_spread_of_large_eigenvalues_but_no_part_of_the_trace(
    samples: Samples, matrix: Tensor
) -> None:
    plain, sketched = (samples(matrix, sketch, 200) for sketch in (0, 8))
    assert sketched.std() < 0.02 * plain.std()
    for seed in range(5):
        value, error = TraceEstimate.of(samples(matrix, 8, 200, seed))
        assert value == pytest.approx(matrix.trace().item(), abs=4 * error)


def test_curvlinops_has_the_same_spread_at_the_same_cost(samples: Samples, matrix: Tensor) -> None:
    """Estimates from 24 products each: Hutchinson's, and Hutch++, which takes a third of them for its sketch."""
    torch.manual_seed(0)
    pairs = (
        (lambda seed: samples(matrix, 0, 24, seed).mean(), lambda: hutchinson_trace(matrix, 24)),
        (lambda seed: samples(matrix, 8, 8, seed).mean(), lambda: hutchpp_trace(matrix, 24)),
    )
    for ours, theirs in pairs:
        mine, other = np.array([ours(seed) for seed in range(300)]), np.array([theirs() for _ in range(300)])
        assert mine.std() == pytest.approx(other.std(), rel=0.2)
        assert mine.mean() == pytest.approx(
            other.mean(), abs=4 * np.hypot(mine.std(), other.std()) / 300**0.5
        )


@pytest.mark.parametrize("sketch", [0, 6])
def test_the_standard_error_is_as_large_as_the_error_is(
    samples: Samples, matrix: Tensor, sketch: int
) -> None:
    """Errors of 300 estimates, in units of their standard errors, have the spread of Student's t, nearly 1."""
    estimates = [TraceEstimate.of(samples(matrix, sketch, 30, seed)) for seed in range(300)]
    scores = [(value - matrix.trace().item()) / error for value, error in estimates]
    assert np.std(scores) == pytest.approx(1.04, abs=0.17)


def test_a_single_probe_has_no_standard_error() -> None:
    estimate = TraceEstimate.of([3.0])
    assert estimate.value == 3.0
    assert np.isnan(estimate.standard_error)
    assert not estimate.within(1.0)


def test_a_negative_sketch_is_refused(dense: Dense) -> None:
    with pytest.raises(ValueError, match="sketch must be >= 0, got -1"):
        SketchedTrace(dense(torch.eye(2)), sketch=-1, seed=0)
