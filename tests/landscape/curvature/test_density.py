import numpy as np
import pytest
from scipy import stats

from lossatlas.landscape.curvature.density import broadened

NODES = np.array([[-1.0, 0.5, 3.0], [-0.5, 1.0, 2.0]])
WEIGHTS = np.array([[0.2, 0.5, 0.3], [0.1, 0.7, 0.2]])


def test_each_node_becomes_a_gaussian() -> None:
    density = broadened(NODES, WEIGHTS, variance=1e-3, points=400)
    assert density.sigma == pytest.approx(np.sqrt(1e-3) * 4.0)
    each = [
        sum(
            w * stats.norm(node, density.sigma).pdf(density.eigenvalue) for node, w in zip(*pair, strict=True)
        )
        for pair in zip(NODES, WEIGHTS, strict=True)
    ]
    np.testing.assert_allclose(density.value, np.mean(each, 0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(density.standard_error, stats.sem(each, 0), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("variance", "points"), [(1e-5, 328), (1e-5, 1001), (1e-2, 50), (1.0, 20)])
def test_the_integral_is_one_at_any_resolution_that_is_allowed(variance: float, points: int) -> None:
    assert broadened(NODES, WEIGHTS, variance=variance, points=points).integral == pytest.approx(1, abs=2e-6)


def test_the_range_holds_zero() -> None:
    density = broadened(NODES + 10, WEIGHTS, variance=1e-3, points=400)
    assert density.sigma == pytest.approx(np.sqrt(1e-3) * 13.0)
    assert density.eigenvalue[0] < 0


def test_nodes_that_a_short_run_has_not_are_left_out() -> None:
    short = np.where(NODES == 3.0, np.nan, NODES)
    weights = np.where(NODES == 3.0, np.nan, WEIGHTS / [[0.7], [1.0]])
    density = broadened(short, weights, variance=1e-3, points=400)
    assert density.integral == pytest.approx(1, abs=2e-6)


def test_a_matrix_of_zeros_is_a_peak_at_zero() -> None:
    density = broadened(np.zeros((2, 1)), np.ones((2, 1)), variance=1e-2, points=51)
    assert density.eigenvalue[density.value.argmax()] == pytest.approx(0, abs=1e-12)
    assert density.integral == pytest.approx(1, abs=2e-6)


def test_no_finite_node_gives_nan() -> None:
    density = broadened(np.full((2, 3), np.nan), WEIGHTS, variance=1e-3, points=400)
    assert np.isnan(density.value).all()
    assert np.isnan(density.integral)


@pytest.mark.parametrize("variance", [0.0, -1.0, 2.0, np.nan])
def test_a_variance_out_of_range_is_refused(variance: float) -> None:
    with pytest.raises(ValueError, match=f"variance must be between 0 and 1.*, got {variance}"):
        broadened(NODES, WEIGHTS, variance=variance, points=400)


def test_too_coarse_a_grid_is_refused() -> None:
    with pytest.raises(ValueError, match=r"points must be >= 328 for a variance of 1e-05.*, got 327"):
        broadened(NODES, WEIGHTS, variance=1e-5, points=327)
