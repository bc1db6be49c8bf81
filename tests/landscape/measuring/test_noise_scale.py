from itertools import combinations

import numpy as np
import pytest

from lossatlas.landscape.measuring.noise_scale import MinibatchMeans

EACH = np.random.default_rng(0).normal(
    [2.0, 0.0, -1.0], [1.0, 3.0, 0.5], (7, 3)
)  # gradients of seven examples


def every_minibatch(size: int) -> MinibatchMeans:
    """Those of all minibatches of ``size`` of the seven examples, each drawn once."""
    means = np.array([EACH[list(chosen)].mean(0) for chosen in combinations(range(7), size)])
    whole = EACH.mean(0)
    squares, deviations = ((part**2).sum(1, keepdims=True) for part in (means, means - whole))
    return MinibatchMeans(np.array([size]), 7, (whole**2).sum(), squares, deviations)


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_over_all_minibatches_the_estimates_are_those_of_the_examples(size: int) -> None:
    """The trace with ddof 1, and |G|^2 without the noise of the seven: what is unbiased for the distribution."""
    found = every_minibatch(size)
    trace = np.cov(EACH.T).trace()
    square = (EACH.mean(0) ** 2).sum() - trace / 7
    np.testing.assert_allclose(found.covariance_trace.value, [trace], rtol=1e-12)
    np.testing.assert_allclose(found.mean_square.value, [square], rtol=1e-12)
    np.testing.assert_allclose(found.noise_scale.value, [trace / square], rtol=1e-12)
    np.testing.assert_allclose(found.noise.value, [np.sqrt(trace * (1 / size - 1 / 7))], rtol=1e-12)
    np.testing.assert_allclose(found.fitted_trace.value, trace, rtol=1e-12)
    np.testing.assert_allclose(found.fitted_noise_scale.value, trace / square, rtol=1e-12)
    np.testing.assert_allclose(found.noise_fit, found.noise.value, rtol=1e-12)


def test_the_estimates_are_the_papers() -> None:
    """Appendix A.1, with B_small = n and B_big = N."""
    squares = np.array([[9.0, 5.0], [7.0, 4.0], [8.0, 6.0]])
    found = MinibatchMeans(np.array([2, 10]), 40, 3.0, squares, squares)
    for k, (small, mean) in enumerate([(2, 8.0), (10, 5.0)]):
        square = (40 * 3.0 - small * mean) / (40 - small)
        trace = (mean - 3.0) / (1 / small - 1 / 40)
        assert found.mean_square.value[k] == pytest.approx(square)
        assert found.covariance_trace.value[k] == pytest.approx(trace)
        error = squares[:, k].std(ddof=1) / 3**0.5 / (1 / small - 1 / 40)  # of a mean
        assert found.covariance_trace.standard_error[k] == pytest.approx(error)


def test_noise_that_falls_as_a_power_has_its_exponent() -> None:
    sizes, draws = np.array([1, 8, 64, 512]), np.array([[0.9], [1.0], [1.1]])
    for exponent in (-0.5, -0.3):
        squares = draws * 4 * sizes ** (2 * exponent) * (1 - sizes / 1000)
        found = MinibatchMeans(sizes, 1000, 1.0, squares, squares)
        assert found.exponent.value == pytest.approx(exponent)
        assert found.exponent.standard_error == pytest.approx(0, abs=1e-12)  # a draw shifts all sizes alike
    assert MinibatchMeans(sizes[:1], 1000, 1.0, draws, draws).exponent.value is not None
    assert np.isnan(MinibatchMeans(sizes[:1], 1000, 1.0, draws, draws).exponent.value)


@pytest.mark.filterwarnings("error")
def test_no_noise_no_gradient_and_the_whole_split() -> None:
    nothing, ones = np.zeros((3, 2)), np.ones((3, 2))
    sizes = np.array([1, 5])
    equal = MinibatchMeans(sizes, 5, 1.0, ones, nothing)
    np.testing.assert_array_equal(equal.noise.value, 0)
    np.testing.assert_array_equal(equal.noise_scale.value, [0, np.nan])
    at_a_minimum = MinibatchMeans(sizes, 5, 0.0, ones, ones)
    np.testing.assert_array_equal(at_a_minimum.noise_scale.value, [np.inf, np.nan])
    assert np.isinf(at_a_minimum.fitted_noise_scale.value)
    np.testing.assert_array_equal(at_a_minimum.noise_fit[1], 0)
    unknown = MinibatchMeans(sizes, 5, np.nan, ones * np.nan, ones * np.nan)
    assert np.isnan(unknown.noise_scale.value).all()
    assert np.isnan(unknown.exponent.value)
