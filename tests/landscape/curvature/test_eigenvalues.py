"""Eigenvalues of networks' Hessians against closed forms, numpy and scipy's eigsh on curvlinops."""

from pathlib import Path

import curvlinops
import numpy as np
import pyhessian
import pytest
import torch
from scipy.sparse.linalg import eigsh
from torch import Tensor, nn

from lossatlas.landscape import Engine, Problem, eigenvalues
from lossatlas.landscape.curvature.operators import Hessian


@pytest.mark.parametrize("matrix", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("batch_size", [30, 7])
def test_the_eigenvalues_of_least_squares_are_those_of_the_gram_matrix(matrix: str, batch_size: int) -> None:
    """2 X'X / N, whose eigenvalues are 2/N times the squares of the singular values of X."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(30, 6, generator=rng, dtype=torch.float64)
    data = {"train": (x, torch.randn(30, 1, generator=rng, dtype=torch.float64))}
    problem = Problem(nn.Linear(6, 1, bias=False).double(), nn.functional.mse_loss, data)
    dataset = eigenvalues(
        problem, smallest=1, largest=3, matrix=matrix, tolerance=1e-9, engine=Engine(batch_size=batch_size)
    )
    expected = 2 / 30 * np.linalg.svd(x.numpy(), compute_uv=False) ** 2
    np.testing.assert_allclose(dataset.eigenvalue.sel(end="largest"), expected[:3], rtol=1e-8)
    assert dataset.eigenvalue.sel(end="smallest", rank=1).item() == pytest.approx(expected[-1], rel=1e-8)
    assert dataset.eigenvalue.sel(end="smallest", rank=[2, 3]).isnull().all()


def test_several_outputs_make_eigenvalues_that_come_out_several_times(regression: Problem) -> None:
    """The mean over two outputs has (X, 1)'(X, 1) / N once for each, in full."""
    x = torch.cat([regression.data["train"][0], torch.ones(23, 1, dtype=torch.float64)], dim=1)
    expected = np.linalg.eigvalsh((x.T @ x / 23).numpy())
    dataset = eigenvalues(regression, smallest=2, largest=4, tolerance=1e-12)
    np.testing.assert_allclose(dataset.eigenvalue.sel(end="largest"), expected[[3, 3, 2, 2]], rtol=1e-9)
    np.testing.assert_allclose(dataset.eigenvalue.sel(end="smallest")[:2], expected[[0, 0]], rtol=1e-9)


def test_both_ends_agree_with_eigsh_on_curvlinops_which_needs_two_runs(double_problem: Problem) -> None:
    model = double_problem.model.eval()
    operator = curvlinops.HessianLinearOperator(
        model, nn.CrossEntropyLoss(), list(model.parameters()), [double_problem.data["train"]]
    ).to_scipy()
    truth = [eigsh(operator, k=2, which=which, return_eigenvectors=False) for which in ("SA", "LA")]
    dataset = eigenvalues(double_problem, smallest=2, largest=2, tolerance=1e-6)
    assert truth[0].min() < -0.01  # it is not convex there
    np.testing.assert_allclose(dataset.eigenvalue.sel(end="smallest"), np.sort(truth[0]), rtol=1e-4)
    np.testing.assert_allclose(dataset.eigenvalue.sel(end="largest"), np.sort(truth[1])[::-1], rtol=1e-4)
    errors = abs(dataset.eigenvalue - np.stack([np.sort(truth[0]), np.sort(truth[1])[::-1]]))
    assert (errors <= dataset.residual + 1e-9).all()


def test_single_precision_finds_what_double_precision_finds(
    problem: Problem, double_problem: Problem
) -> None:
    single, double = (eigenvalues(of, largest=2) for of in (problem, double_problem))
    assert single.converged == double.converged == 1
    np.testing.assert_allclose(single.eigenvalue, double.eigenvalue, rtol=0.01)
    assert single.dtype == "float32"


def test_the_gauss_newton_matrix_has_no_negative_eigenvalue(double_problem: Problem) -> None:
    hessian, gauss_newton = (eigenvalues(double_problem, matrix=m) for m in ("hessian", "gauss_newton"))
    assert hessian.eigenvalue.sel(end="smallest").item() < -0.01
    lowest = gauss_newton.eigenvalue.sel(end="smallest").item()
    assert abs(lowest) < 1e-4 * gauss_newton.eigenvalue.sel(end="largest").item()


def test_the_dataset_says_what_was_computed_how(problem: Problem, tmp_path: Path) -> None:
    dataset = eigenvalues(problem, smallest=1, largest=2, split="test", seed=5)
    assert dict(dataset.eigenvalue.sizes) == {"end": 2, "rank": 2}
    expected = {"survey": "eigenvalues", "split": "test", "matrix": "hessian", "seed": 5, "tolerance": 0.01}
    assert {name: dataset.attrs[name] for name in expected} == expected
    for variable in dataset.data_vars.values():
        assert variable.attrs.keys() == {"long_name", "units"}
    assert dataset.products > 3
    dataset.to_netcdf(tmp_path / "eigenvalues.nc", engine="h5netcdf")


def test_what_a_journal_holds_is_not_computed_again(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = eigenvalues(problem, journal=tmp_path / "j")

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Hessian, "__call__", never)
    assert eigenvalues(problem, journal=tmp_path / "j").identical(first)


def test_a_run_can_be_stopped_between_products(problem: Problem) -> None:
    heard: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        heard.append((done, total))
        if len(heard) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        eigenvalues(problem, progress=progress)
    assert heard == [(0, 1)] * 5


def test_a_run_that_is_cut_short_says_so(problem: Problem) -> None:
    dataset = eigenvalues(problem, iterations=3)
    assert (dataset.products.item(), dataset.converged.item()) == (3, 0)


def test_weights_that_are_not_finite_have_no_eigenvalues(problem: Problem) -> None:
    problem.model[-1].bias.data[0] = torch.nan
    dataset = eigenvalues(problem)
    assert dataset.eigenvalue.isnull().all()
    assert dataset.converged == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"matrix": "fisher"}, "unknown matrix 'fisher', expected one of hessian, gauss_newton"),
        ({"split": "valid"}, "unknown split 'valid', the data has train, test"),
        ({"smallest": 0, "largest": 0}, "no eigenvalue is wanted"),
        ({"largest": 603}, "1 smallest and 603 largest eigenvalues are more than the 603 that there are"),
        ({"tolerance": 2.0}, r"tolerance must be between 0 and 1, got 2\.0"),
        ({"iterations": 0}, "iterations must be >= 2, the eigenvalues wanted, got 0"),
    ],
)
def test_a_value_out_of_its_range_is_refused(
    problem: Problem, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        eigenvalues(problem, **options)  # type: ignore[arg-type]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_finds_what_a_cpu_finds(double_problem: Problem) -> None:
    cpu = eigenvalues(double_problem, largest=2, tolerance=1e-6)
    data = {split: (x.cuda(), y.cuda()) for split, (x, y) in double_problem.data.items()}
    gpu = eigenvalues(
        Problem(double_problem.model.cuda(), double_problem.loss, data), largest=2, tolerance=1e-6
    )
    np.testing.assert_allclose(gpu.eigenvalue, cpu.eigenvalue, rtol=1e-6)
    assert gpu.device == "cuda"


def test_pyhessian_has_the_high_end_but_stops_before_it_has_the_low_end() -> None:
    """It iterates powers of H, which lead to the eigenvalue of largest magnitude.

    For the low end the spectrum has to be shifted by the high one. From a random vector all estimates are then
    near the shift, hardly change, and its rule, that the last change is small, is met after a few products.
    """
    rng = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 200), nn.Tanh(), nn.Linear(200, 10)).double()
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.3, generator=rng)
    data = (torch.randn(100, 20, generator=rng, dtype=torch.float64), torch.arange(100) % 10)
    dataset = eigenvalues(Problem(model, nn.functional.cross_entropy, {"train": data}), tolerance=1e-4)
    low, high = dataset.eigenvalue.values[:, 0]

    def shifted(outputs: Tensor, targets: Tensor) -> Tensor:
        squares = sum((parameter**2).sum() for parameter in model.parameters())
        return nn.functional.cross_entropy(outputs, targets) - 0.5 * high * squares

    torch.manual_seed(0)
    rival = pyhessian.hessian(model, nn.functional.cross_entropy, data=data, cuda=False)
    assert rival.eigenvalues(tol=1e-6)[0][0] == pytest.approx(high, rel=0.01)
    model.zero_grad(set_to_none=True)
    rival = pyhessian.hessian(model, shifted, data=data, cuda=False)
    claimed = rival.eigenvalues()[0][0] + high
    assert low < -0.01
    assert abs(claimed - low) > 0.2 * abs(low)
