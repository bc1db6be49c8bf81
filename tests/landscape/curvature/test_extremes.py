import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from lossatlas.landscape import Problem, extreme_eigenvalues, hessian_directions, norm, parameters, surface
from lossatlas.weight_space import flatten, unflatten


def dense_hessian(problem: Problem) -> torch.Tensor:
    inputs, targets = problem.data["train"]
    like = parameters(problem.model)

    def loss(vector: torch.Tensor) -> torch.Tensor:
        return problem.loss(functional_call(problem.model, unflatten(vector, like), (inputs,)), targets)

    return torch.autograd.functional.hessian(loss, flatten(like))


@pytest.fixture
def mlp(rng: torch.Generator) -> Problem:
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    x = torch.randn(40, 4, generator=rng, dtype=torch.float64)
    return Problem(model, nn.functional.cross_entropy, {"train": (x, torch.arange(40) % 3)})


def test_low_and_high_are_the_ends_of_the_dense_spectrum(mlp: Problem) -> None:
    truth = np.linalg.eigvalsh(dense_hessian(mlp).numpy())
    low, high = extreme_eigenvalues(mlp, smallest=2, largest=3, tolerance=1e-6)
    np.testing.assert_allclose(low.values, truth[:2], rtol=1e-5)
    np.testing.assert_allclose(high.values, truth[:-4:-1], rtol=1e-5)
    assert (np.abs(high.values - truth[:-4:-1]) <= high.residuals).all()


def test_directions_are_the_eigenvectors_by_name_with_norm_one_and_a_fixed_sign(mlp: Problem) -> None:
    _, vectors = torch.linalg.eigh(dense_hessian(mlp))
    found = hessian_directions(mlp, largest=2, smallest=1, tolerance=1e-8)
    assert len(found) == 3
    for direction, vector in zip(found, (vectors[:, -1], vectors[:, -2], vectors[:, 0]), strict=True):
        assert list(direction) == ["0.weight", "0.bias", "2.weight", "2.bias"]
        assert norm(direction) == pytest.approx(1)
        flat = flatten(direction)
        assert flat.max() > -flat.min()
        assert abs(float(flat @ vector)) == pytest.approx(1, abs=1e-5)


def test_another_start_gives_the_same_directions(mlp: Problem) -> None:
    first, second = (hessian_directions(mlp, tolerance=1e-10, seed=seed) for seed in (0, 1))
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(flatten(one), flatten(other), atol=1e-4, rtol=0)


def test_the_loss_along_a_direction_bends_by_its_eigenvalue(mlp: Problem) -> None:
    """Second difference of a surface's loss in the middle, against the eigenvalue."""
    _, high = extreme_eigenvalues(mlp, largest=2, tolerance=1e-8)
    along = hessian_directions(mlp, largest=2, tolerance=1e-8)
    dataset = surface(mlp, points=3, extent=1e-3, along=along)
    loss = dataset.loss.sel(split="train").values
    assert (loss[1, 0] - 2 * loss[1, 1] + loss[1, 2]) / 1e-6 == pytest.approx(high.values[0], rel=1e-3)
    assert (loss[0, 1] - 2 * loss[1, 1] + loss[2, 1]) / 1e-6 == pytest.approx(high.values[1], rel=1e-3)
