from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from lossatlas.landscape import Engine, Problem, gradient_noise, hessian_noise


@pytest.fixture(scope="module")
def wide() -> Problem:
    """Linear regression on 200 examples, in float64: an example's Hessian is 2 x x', for each of two outputs / 2."""
    rng = torch.Generator().manual_seed(0)
    model = nn.Linear(5, 2, bias=False).double()
    x = torch.randn(200, 5, generator=rng, dtype=torch.float64)
    return Problem(model, nn.functional.mse_loss, {"train": (x, torch.randn(200, 2, generator=rng).double())})


def each_hessian(problem: Problem) -> np.ndarray:
    """Of every example by itself, in closed form, (N, weights, weights)."""
    x = problem.data["train"][0].numpy()
    return np.stack([np.kron(np.eye(2), np.outer(row, row)) for row in x])


@pytest.fixture(scope="module")
def surveyed(wide: Problem) -> xr.Dataset:
    return hessian_noise(wide, sizes=[1, 8, 64, 200], draws=60, probes=400)


def test_the_noise_is_what_the_hessians_of_the_examples_make_it(wide: Problem, surveyed: xr.Dataset) -> None:
    """In the Frobenius norm, which 400 vectors tell to within a few percent."""
    each = each_hessian(wide)
    whole = each.mean(0)
    assert surveyed.hessian_norm == pytest.approx(np.linalg.norm(whole), rel=0.03)
    trace = ((each - whole) ** 2).sum() / 199
    expected = np.sqrt(trace * (1 / surveyed["size"][:3] - 1 / 200))
    tolerance = 4 * surveyed.noise_standard_error[:3] + 0.03 * expected
    assert (abs(surveyed.noise[:3] - expected) < tolerance).all()
    assert (tolerance < 0.6 * expected).all()
    assert abs(surveyed.exponent + 0.5) < 4 * surveyed.exponent_standard_error < 0.3
    assert surveyed.noise.sel(size=200) == 0


def test_minibatches_of_one_have_the_products_of_examples(wide: Problem) -> None:
    """Of one vector: each squared distance is that of some example."""
    found = hessian_noise(wide, sizes=[1], draws=30, probes=1, seed=3)
    each = each_hessian(wide)
    squares = found.squared_norm.sel(size=1).values
    # Products with a vector of signs: all vectors of signs are tried, since which it is the seed decides.
    signs = 2.0 * (np.arange(2**10)[:, None] >> np.arange(10) & 1) - 1
    products = np.einsum("nij,sj->sni", each, signs)  # (signs, N, weights)
    norms = (products**2).sum(-1)
    assert any(all(np.isclose(row, square, rtol=1e-9).any() for square in squares) for row in norms)
    assert len(np.unique(squares)) > 20


def test_its_minibatches_are_those_of_the_gradient(wide: Problem) -> None:
    """With targets of 0 and weights w the gradient is the Hessian times w."""
    x, targets = wide.data["train"]
    linear = Problem(wide.model, wide.loss, {"train": (x, torch.zeros_like(targets))})
    with torch.no_grad():
        linear.model.weight.copy_(torch.ones(2, 5))
    gradient = gradient_noise(linear, sizes=[3, 50], draws=4)
    everywhere = hessian_noise(linear, sizes=[3, 50], draws=4, probes=300)
    away, apart = gradient.squared_distance.values, everywhere.squared_distance.values
    assert np.corrcoef(np.log(away).ravel(), np.log(apart).ravel())[0, 1] > 0.9


def test_batches_are_no_part_of_it(problem: Problem) -> None:
    options = {"sizes": [2, 9, 30], "draws": 3, "probes": 2}
    whole = hessian_noise(problem, **options)
    batched = hessian_noise(problem, **options, engine=Engine(batch_size=4))
    np.testing.assert_allclose(batched.squared_norm, whole.squared_norm, rtol=1e-3)
    np.testing.assert_allclose(batched.hessian_norm, whole.hessian_norm, rtol=1e-3)
    matrix = hessian_noise(problem, **options, matrix="gauss_newton")
    assert not np.isclose(matrix.squared_norm, whole.squared_norm, rtol=1e-3).any()


def test_an_interrupted_survey_goes_on(problem: Problem, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        assert total == 5
        if done == 2:
            raise KeyboardInterrupt

    options = {"sizes": [1, 5], "draws": 5, "probes": 2}
    whole = hessian_noise(problem, **options)
    with pytest.raises(KeyboardInterrupt):
        hessian_noise(problem, **options, journal=tmp_path / "noise", progress=stop)
    assert hessian_noise(problem, **options, journal=tmp_path / "noise").identical(whole)


def test_bad_input_is_refused(problem: Problem) -> None:
    with pytest.raises(ValueError, match="probes must be >= 1, got 0"):
        hessian_noise(problem, probes=0)
    with pytest.raises(ValueError, match="draws must be >= 2, for a standard error, got 1"):
        hessian_noise(problem, draws=1)
    with pytest.raises(ValueError, match="unknown matrix 'fisher', expected one of hessian, gauss_newton"):
        hessian_noise(problem, matrix="fisher")
