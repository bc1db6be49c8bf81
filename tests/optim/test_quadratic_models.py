"""Minimisers of quadratic models, against scipy's, dense solutions and the conditions of Moré & Sorensen 1983."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import cg
from torch import Tensor

from lossatlas.optim.quadratic_models import conjugate_gradients, damped_step, lanczos, trust_region_step

RNG = torch.Generator().manual_seed(0)


def model(values: Tensor, gradient: Tensor, step: Tensor) -> Tensor:
    return gradient @ step + (values * step) @ step / 2


@pytest.mark.parametrize("kind", ["bowl", "saddle", "hill", "singular"])
@pytest.mark.parametrize("radius", [0.1, 1.0, 30.0])
def test_no_place_in_the_ball_is_lower_than_the_step(kind: str, radius: float) -> None:
    values = {
        "bowl": torch.tensor([0.1, 1.0, 5.0]),
        "saddle": torch.tensor([-2.0, 0.5, 3.0]),
        "hill": torch.tensor([-3.0, -2.0, -1.0]),
        "singular": torch.tensor([0.0, 1.0, 2.0]),
    }[kind].double()
    gradient = torch.tensor([0.7, -1.0, 2.0], dtype=torch.float64)
    step = trust_region_step(values, gradient, radius)
    assert step.norm() <= radius * (1 + 1e-9)
    drawn = torch.randn(2000, 3, generator=RNG, dtype=torch.float64)
    ball = radius * drawn / drawn.norm(dim=1, keepdim=True) * torch.rand(2000, 1, generator=RNG) ** (1 / 3)
    heights = ball @ gradient + ball.square() @ values / 2
    assert model(values, gradient, step) <= heights.min() + 1e-9
    stretched = values * step + gradient  # -shift p, with a shift of 0 or more where the ball ends, else 0
    shift = -float(stretched @ step / (step @ step))
    torch.testing.assert_close(stretched, -shift * step, rtol=1e-6, atol=1e-9)
    assert shift >= max(0.0, -float(values.min())) - 1e-9
    assert shift == pytest.approx(0, abs=1e-9) or float(step.norm()) == pytest.approx(radius)


@pytest.mark.parametrize("slope", [0.0, 1e-14])
def test_in_the_hard_case_the_step_goes_on_along_the_lowest_curvature(slope: float) -> None:
    """No gradient there: (B + shift)^-1 g is too short for every shift that makes B + shift positive."""
    values, gradient = torch.tensor([-1.0, 3.0]).double(), torch.tensor([slope, 2.0]).double()
    step = trust_region_step(values, gradient, radius=5.0)
    assert step.norm().item() == pytest.approx(5.0)
    assert step[1].item() == pytest.approx(-2 / (3 + 1))


def test_a_bowl_within_reach_gets_newtons_step_and_damping_shortens_it() -> None:
    values, gradient = torch.tensor([1.0, 4.0]), torch.tensor([1.0, 2.0])
    torch.testing.assert_close(trust_region_step(values, gradient, 9.0), damped_step(values, gradient, 0.0))
    torch.testing.assert_close(
        trust_region_step(values, gradient, 9.0, damping=1.0), torch.tensor([-0.5, -0.4])
    )


def test_curvature_that_is_rounding_is_not_divided_by() -> None:
    """That of eigenvalues in float64 of a matrix in float32 is float32's."""
    values, gradient = torch.tensor([1e-8, 1.0]).double(), torch.tensor([1.0, 1.0]).double()
    single = torch.finfo(torch.float32).eps
    assert damped_step(values, gradient, 0.0, single).tolist() == [0.0, -1.0]
    assert damped_step(values, gradient, 0.0)[0].item() == pytest.approx(-1e8)
    assert damped_step(values, gradient, 1e-3, single)[0].item() == pytest.approx(-1e3, rel=1e-4)


@pytest.mark.parametrize("n", [1, 5, 40])
def test_conjugate_gradients_are_scipys(n: int) -> None:
    root = torch.randn(n, n, generator=RNG, dtype=torch.float64)
    matrix, gradient = root @ root.T + torch.eye(n), torch.randn(n, generator=RNG, dtype=torch.float64)
    for iterations in {1, min(n, 3), n}:
        ours = conjugate_gradients(lambda v: matrix @ v, gradient, iterations=iterations, tolerance=0.0)
        theirs, _ = cg(matrix.numpy(), -gradient.numpy(), rtol=0.0, maxiter=iterations)
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-4, atol=1e-5)


def test_they_begin_where_told_and_end_when_it_pays_no_more() -> None:
    values = torch.logspace(0, 4, 200, dtype=torch.float64)
    gradient = torch.ones(200, dtype=torch.float64)
    products = []

    def product(vector: Tensor) -> Tensor:
        products.append(vector)
        return values * vector

    solved = conjugate_gradients(product, gradient, iterations=2000, tolerance=0.0)
    torch.testing.assert_close(solved, -1 / values, rtol=1e-6, atol=1e-9)
    products.clear()
    near = conjugate_gradients(product, gradient, iterations=2000, tolerance=5e-4)
    few = len(products)
    assert few < 200
    assert model(values, gradient, near) < 0.98 * model(values, gradient, solved)
    products.clear()
    conjugate_gradients(product, gradient, start=solved, iterations=2000, tolerance=5e-4)
    assert len(products) < few


def test_lanczos_on_the_whole_space_has_the_matrixs_own_values_and_vectors() -> None:
    root = torch.randn(12, 12, generator=RNG, dtype=torch.float64)
    matrix = (root + root.T) / 2
    values, vectors = lanczos(lambda v: matrix @ v, torch.randn(12, generator=RNG, dtype=torch.float64), 50)
    torch.testing.assert_close(values, torch.linalg.eigvalsh(matrix))
    torch.testing.assert_close(matrix @ vectors, vectors * values)


def test_lanczos_ends_where_the_space_is_invariant_and_its_basis_is_orthogonal() -> None:
    values = torch.tensor([1.0, 1.0, 1.0, 4.0, 4.0, 9.0], dtype=torch.float64)
    found, vectors = lanczos(lambda v: values * v, torch.ones(6, dtype=torch.float64), 6)
    torch.testing.assert_close(found, torch.tensor([1.0, 4.0, 9.0], dtype=torch.float64))
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(3, dtype=torch.float64))


def test_conjugate_gradients_do_not_begin_outside_of_the_radius() -> None:
    with pytest.raises(ValueError, match=r"^start lies outside of the radius 1"):
        conjugate_gradients(
            lambda v: v,
            torch.tensor([1.0, 0.0]),
            start=torch.tensor([10.0, 0.0]),
            radius=1.0,
            iterations=3,
            tolerance=0.0,
        )
