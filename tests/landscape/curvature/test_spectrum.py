"""Spectral densities, against exact eigenvalues, the law of Marchenko and Pastur, and curvlinops."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from curvlinops import HessianLinearOperator, lanczos_approximate_spectrum
from numpy.typing import NDArray
from scipy.stats import norm
from torch import nn

from lossatlas.landscape import Engine, Problem, spectrum, trace


def least_squares(features: int, examples: int, seed: int = 0) -> Problem:
    """One output, Gaussian inputs, in float64; its Hessian 2 X'X / N is a Wishart matrix."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(examples, features, generator=rng, dtype=torch.float64)
    model = nn.Linear(features, 1, bias=False).double()
    return Problem(model, nn.functional.mse_loss, {"train": (x, torch.zeros(examples, 1).double())})


def eigenvalues(problem: Problem) -> NDArray[np.float64]:
    x = problem.data["train"][0].numpy()
    return np.linalg.eigvalsh(2 * x.T @ x / len(x))


def smoothed(values: NDArray[np.float64], dataset: xr.Dataset) -> NDArray[np.float64]:
    """Density of ``values`` with the Gaussians of ``dataset``."""
    return norm(values[:, None], dataset.sigma.item()).pdf(dataset.eigenvalue.values).mean(0)


def test_a_wishart_matrix_has_the_law_of_marchenko_and_pastur() -> None:
    """Of 2 X'X / N, with p / N = q: density sqrt((b - x)(x - a)) / (4 pi q x), a, b = 2 (1 -+ sqrt q)**2."""
    problem = least_squares(300, 600)
    dataset = spectrum(problem, probes=10, steps=40, variance=1e-3, points=401)
    q = 0.5
    low, high = 2 * (1 - q**0.5) ** 2, 2 * (1 + q**0.5) ** 2
    x = np.linspace(low, high, 4001)
    law = np.sqrt((high - x) * (x - low)) / (4 * np.pi * q * x)
    assert np.trapezoid(law, x) == pytest.approx(1, abs=1e-3)
    kernel = norm(x[:, None], dataset.sigma.item()).pdf(dataset.eigenvalue.values)
    expected = np.trapezoid(law[:, None] * kernel, x, axis=0)
    distance = np.trapezoid(abs(dataset.density - expected), dataset.eigenvalue)
    assert distance < 0.05
    assert dataset.integral.item() == pytest.approx(1, abs=1e-5)
    nodes = dataset.node.values
    assert nodes.max() == pytest.approx(eigenvalues(problem)[-1], rel=1e-3)


def test_the_density_is_that_of_the_exact_eigenvalues_within_its_standard_error() -> None:
    problem = least_squares(30, 60)
    dataset = spectrum(problem, probes=100, steps=30, variance=1e-3, points=201)
    expected = smoothed(eigenvalues(problem), dataset)
    peaks = expected > 0.05 * expected.max()
    scores = (dataset.density - expected)[peaks] / dataset.standard_error[peaks]
    assert np.sqrt((scores**2).mean()) == pytest.approx(1, abs=0.6)
    assert abs(scores).max() < 5


def test_standard_errors_fall_with_the_root_of_the_number_of_probes() -> None:
    few, many = (
        spectrum(least_squares(30, 60), probes=probes, steps=10, variance=1e-2, points=101)
        for probes in (10, 160)
    )
    inside = few.density.values > 0.1 * few.density.values.max()
    ratio = (few.standard_error.values / many.standard_error.values)[inside].mean()
    assert ratio == pytest.approx(4, rel=0.3)


def test_the_first_moment_is_hutchinson_s_trace_with_the_same_probes(double_problem: Problem) -> None:
    """A Gauss quadrature is exact for q'Aq, and trace draws the same vectors of signs."""
    dataset = spectrum(double_problem, probes=3, steps=5)
    samples = trace(double_problem, probes=3, sketch=0, tolerance=None).sample
    n = sum(parameter.numel() for parameter in double_problem.model.parameters())
    np.testing.assert_allclose((dataset.node * dataset.weight).sum("step") * n, samples, rtol=1e-9)


def test_curvlinops_has_the_same_density(double_problem: Problem) -> None:
    """With its Gaussians, 2 / (steps - 1) / sqrt(8 log kappa) of half its padded range wide."""
    x, y = double_problem.data["train"]
    model = double_problem.model.eval()
    operator = HessianLinearOperator(
        model, nn.CrossEntropyLoss(), list(model.parameters()), [(x, y)], check_deterministic=False
    )
    steps, kappa = 20, 3.0
    ours = spectrum(double_problem, probes=20, steps=steps)
    low, high = float(ours.node.min()), float(ours.node.max())
    torch.manual_seed(0)
    grid, theirs = lanczos_approximate_spectrum(
        operator, steps, num_points=300, num_repeats=20, kappa=kappa, boundaries=(low, high)
    )
    sigma = 2 / (steps - 1) / np.sqrt(8 * np.log(kappa)) * (float(grid[-1]) - float(grid[0])) / 2
    nodes, weights = ours.node.values[..., None], ours.weight.values[..., None]
    mixture = (weights * norm(nodes, sigma).pdf(grid.numpy())).sum(1).mean(0)
    distance = np.trapezoid(abs(mixture - theirs.numpy()), grid.numpy())
    assert distance < 0.05


def test_the_gauss_newton_matrix_has_no_negative_eigenvalues(double_problem: Problem) -> None:
    hessian, gauss_newton = (
        spectrum(double_problem, probes=1, steps=30, matrix=matrix) for matrix in ("hessian", "gauss_newton")
    )
    assert hessian.node.min() < -1e-3
    assert gauss_newton.node.min() > -1e-12


def test_a_run_in_few_dimensions_ends_with_nan(regression: Problem) -> None:
    """Two outputs share one Gram matrix of order four: its eigenvalues are double, and four nodes are all."""
    dataset = spectrum(regression, probes=2, steps=10, engine=Engine(batch_size=5))
    x = regression.data["train"][0].numpy()
    x = np.c_[x, np.ones(len(x))]
    expected = np.linalg.eigvalsh(x.T @ x / len(x))
    for probe in range(2):
        np.testing.assert_allclose(dataset.node[probe, :4], expected, rtol=1e-10)
        assert np.isnan(dataset.node[probe, 4:]).all()
        assert dataset.weight[probe].sum() == pytest.approx(1, rel=1e-12)


def test_float32_gives_the_density_of_float64(problem: Problem, double_problem: Problem) -> None:
    single, double = (
        spectrum(which, probes=2, steps=40, variance=1e-4) for which in (problem, double_problem)
    )
    np.testing.assert_allclose(single.density, double.density, atol=1e-3 * float(double.density.max()))


def test_an_interrupted_spectrum_goes_on_and_the_picture_can_be_redrawn(
    problem: Problem, tmp_path: Path
) -> None:
    journal = tmp_path / "spectrum.journal"

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spectrum(problem, probes=4, steps=5, journal=journal, progress=stop)
    assert spectrum(problem, probes=4, steps=5, journal=journal).identical(
        spectrum(problem, probes=4, steps=5)
    )
    before = journal.read_bytes()
    wider = spectrum(problem, probes=4, steps=5, variance=1e-3, journal=journal)
    assert journal.read_bytes() == before
    assert wider.sigma > 5 * spectrum(problem, probes=4, steps=5).sigma


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"probes": 0}, "probes must be >= 1, got 0"),
        ({"steps": 0}, "steps must be >= 1, got 0"),
        ({"points": 100}, "points must be >= 328 for a variance of 1e-05"),
        ({"variance": 0.0}, "variance must be between 0 and 1"),
        ({"matrix": "hesse"}, "unknown matrix 'hesse'"),
        ({"split": "valid"}, "unknown split 'valid', the data has train, test"),
    ],
)
def test_a_value_out_of_its_range_is_refused(
    problem: Problem, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        spectrum(problem, **options)  # type: ignore[arg-type]
