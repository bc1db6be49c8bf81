"""Products with the Hessian and the Gauss-Newton matrix against dense matrices, finite differences and curvlinops."""

import copy
from collections.abc import Callable

import curvlinops
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.testing import assert_close

from lossatlas.landscape import Engine, Problem, parameters
from lossatlas.landscape.curvature import operators
from lossatlas.landscape.curvature.operators import MATRICES, GaussNewton, Hessian, matrix_of
from lossatlas.landscape.measuring.gradient import loss_and_gradient
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.weight_space import flatten, unflatten

BATCHES = Engine(batch_size=16)  # 37 examples: 16, 16 and 5, so that a mean of batch means fails


def dense(operator: Hessian | GaussNewton) -> Tensor:
    """The matrix, from its products with the unit vectors."""
    unit = torch.eye(operator.n, dtype=operator.dtype)
    return torch.stack([operator(vector) for vector in unit])


@pytest.fixture
def smooth(rng: torch.Generator) -> Problem:
    """A small network without kinks, in float64, on 11 examples of 3 classes."""
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3)).double()
    for tensor in model.parameters():
        tensor.data.normal_(0.0, 0.7, generator=rng)
    model[1].running_mean.normal_(generator=rng)
    model[1].running_var.uniform_(0.5, 2.0, generator=rng)
    data = (
        torch.randn(11, 4, generator=rng, dtype=torch.float64),
        torch.randint(3, (11,), generator=rng),
    )
    return Problem(model, nn.functional.cross_entropy, {"train": data})


def _loss_of_a_vector(problem: Problem) -> Callable[[Tensor], Tensor]:
    inputs, targets = problem.data["train"]
    model = copy.deepcopy(problem.model).eval()
    like = parameters(model)

    def loss(vector: Tensor) -> Tensor:
        outputs = functional_call(model, unflatten(vector, like), (inputs,))
        return problem.loss(outputs, targets)

    return loss


@pytest.mark.parametrize("batch_size", [11, 4, 1])
def test_the_hessian_is_that_of_the_mean_loss_however_batched(smooth: Problem, batch_size: int) -> None:
    expected = torch.autograd.functional.hessian(_loss_of_a_vector(smooth), flatten(parameters(smooth.model)))
    with prepared(smooth, engine=Engine(batch_size=batch_size)) as ready:
        assert_close(dense(Hessian(ready, "train")), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("batch_size", [12, 5, 1])
@pytest.mark.parametrize("matrix", list(MATRICES))
def test_the_matrices_of_least_squares_are_the_gram_matrix(batch_size: int, matrix: str) -> None:
    """H = 2 X'X / N; 5 does not divide 12."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(12, 3, generator=rng, dtype=torch.float64)
    model = nn.Linear(3, 1, bias=False).double()
    data = {"train": (x, torch.zeros(12, 1, dtype=torch.float64))}
    problem = Problem(model, nn.functional.mse_loss, data)
    with prepared(problem, engine=Engine(batch_size=batch_size)) as ready:
        assert_close(dense(matrix_of(ready, "train", matrix)), 2 * x.T @ x / 12, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("matrix", list(MATRICES))
def test_the_matrices_of_logistic_regression_are_the_covariance_of_the_classes(
    matrix: str, rng: torch.Generator
) -> None:
    """Both are the mean of (diag(p) - p p') (x) x x', as the model is linear."""
    model = nn.Linear(4, 3, bias=False).double()
    x = torch.randn(7, 4, generator=rng, dtype=torch.float64)
    p = torch.softmax(x @ model.weight.detach().T, dim=1)
    blocks = [
        torch.kron(torch.diag(q) - torch.outer(q, q), torch.outer(z, z)) for q, z in zip(p, x, strict=True)
    ]
    problem = Problem(model, nn.functional.cross_entropy, {"train": (x, torch.arange(7) % 3)})
    with prepared(problem, engine=Engine(batch_size=3)) as ready:
        product = dense(matrix_of(ready, "train", matrix))
    assert_close(product, torch.stack(blocks).mean(0), rtol=1e-10, atol=1e-12)


def test_a_product_is_the_change_of_the_gradient_along_the_vector(
    double_problem: Problem, rng: torch.Generator
) -> None:
    """Central difference of the gradient of a network with convolutions, batch norm, ReLU and pooling."""
    with prepared(double_problem, engine=BATCHES) as ready:
        vector = torch.randn(603, generator=rng, dtype=torch.float64)
        product = Hessian(ready, "train")(vector)
        centre = {name: ready.weights[name].clone() for name, _ in ready.model.named_parameters()}
        ends = []
        for step in (1e-6, -1e-6):
            for name, tensor in unflatten(vector, centre).items():
                ready.weights[name].copy_(centre[name] + step * tensor)
            ends.append(flatten(loss_and_gradient(ready, "train")[1]))
        assert_close(product, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("matrix", "rival"),
    [
        ("hessian", curvlinops.HessianLinearOperator),
        ("gauss_newton", curvlinops.GGNLinearOperator),
    ],
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_products_are_those_of_curvlinops(
    double_problem: Problem,
    matrix: str,
    rival: Callable[..., curvlinops.HessianLinearOperator],
    layout: torch.memory_format,
    rng: torch.Generator,
) -> None:
    model = double_problem.model.to(memory_format=layout).eval()
    data = list(zip(*(tensor.split(16) for tensor in double_problem.data["train"]), strict=True))
    theirs = rival(model, nn.CrossEntropyLoss(), list(model.parameters()), data)
    vector = torch.randn(603, generator=rng, dtype=torch.float64)
    with prepared(double_problem, engine=BATCHES) as ready:
        ours = matrix_of(ready, "train", matrix)(vector)
    assert_close(ours, theirs @ vector, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("matrix", list(MATRICES))
def test_graphs_that_do_not_fit_are_made_anew_and_change_nothing(
    problem: Problem, matrix: str, rng: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = torch.randn(3, 603, generator=rng)
    with prepared(problem, engine=BATCHES) as ready:
        everything = matrix_of(ready, "train", matrix)
        size = everything._bytes_of_a_graph()
        activations = 16 * (2 + 4) * 8 * 8 * 4  # of the first convolution alone
        assert activations < size < 100 * activations
        made: list[int] = []
        original = operators._OfProblem._linearize
        monkeypatch.setattr(
            operators._OfProblem,
            "_linearize",
            lambda self, index: made.append(index) or original(self, index),  # type: ignore[func-returns-value]
        )
        for kept, expected in ((0, [0, 1, 2] * 3), (2 * size, [0, 1, 2, 2, 2]), (9 * size, [0, 1, 2])):
            some = matrix_of(ready, "train", matrix, kept_bytes=kept)
            made.clear()
            products = [some(vector) for vector in vectors]
            assert made == [0, *expected]  # the first once more, to see how much memory it takes
            assert all(
                torch.equal(product, everything(vector))
                for product, vector in zip(products, vectors, strict=True)
            )


@pytest.mark.parametrize("matrix", list(MATRICES))
def test_weights_that_have_changed_are_taken_up_even_without_a_refresh(
    problem: Problem, matrix: str, rng: torch.Generator
) -> None:
    """The last bias alone: nothing that the graph has saved changes with it, so torch would not complain."""
    vector = torch.randn(603, generator=rng)
    with prepared(problem) as ready:
        operator = matrix_of(ready, "train", matrix)
        before = operator(vector)
        ready.weights["9.bias"].copy_(torch.tensor([3.0, -1.0, 0.5]))
        after = operator(vector)
        assert not torch.allclose(before, after, rtol=1e-3)
        assert torch.equal(after, matrix_of(ready, "train", matrix)(vector))


def test_frozen_and_unused_parameters_count(rng: torch.Generator) -> None:
    class Partly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Parameter(torch.ones(2))
            self.used = nn.Linear(3, 1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x)

    model = Partly()
    model.used.weight.requires_grad_(False)
    x = torch.randn(6, 3, generator=rng)
    problem = Problem(model, nn.functional.mse_loss, {"train": (x, torch.zeros(6, 1))})
    for matrix in MATRICES:
        with prepared(problem) as ready:
            product = matrix_of(ready, "train", matrix)(torch.ones(5))
        assert_close(product, torch.cat([torch.zeros(2), 2 * x.T @ (x @ torch.ones(3)) / 6]))


def test_a_loss_without_curvature_has_none() -> None:
    problem = Problem(
        nn.Linear(3, 1),
        lambda outputs, targets: (outputs * targets).mean(),
        {"train": (torch.ones(4, 3), torch.ones(4, 1))},
    )
    for matrix in MATRICES:
        with prepared(problem) as ready:
            assert torch.equal(matrix_of(ready, "train", matrix)(torch.ones(4)), torch.zeros(4))


def test_attention_has_a_hessian(rng: torch.Generator) -> None:
    """Its fused kernels cannot be differentiated twice."""

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.project = nn.Linear(4, 12)

        def forward(self, x: Tensor) -> Tensor:
            q, k, v = self.project(x).unsqueeze(1).chunk(3, dim=-1)
            return nn.functional.scaled_dot_product_attention(q, k, v).sum((1, 2))

    model = Attention().double()
    x = torch.randn(3, 5, 4, generator=rng, dtype=torch.float64)
    problem = Problem(model, nn.functional.mse_loss, {"train": (x, torch.zeros(3, 4, dtype=torch.float64))})
    vector = torch.randn(60, generator=rng, dtype=torch.float64)
    with prepared(problem) as ready:
        product = Hessian(ready, "train")(vector)
        centre, change = parameters(model), []
        for step in (1e-5, -1e-5):
            moved = unflatten(flatten(centre) + step * vector, centre)
            for name, tensor in moved.items():
                ready.weights[name].copy_(tensor)
            change.append(flatten(loss_and_gradient(ready, "train")[1]))
    assert_close(product, (change[0] - change[1]) / 2e-5, rtol=1e-6, atol=1e-8)


def test_single_precision_is_good_for_a_residual_of_one_in_ten_thousand(
    problem: Problem, double_problem: Problem, rng: torch.Generator
) -> None:
    vector = torch.randn(603, generator=rng, dtype=torch.float64)
    for matrix in MATRICES:
        with prepared(double_problem) as ready:
            exact = matrix_of(ready, "train", matrix)(vector)
        with prepared(problem, engine=Engine(batch_size=1)) as ready:
            single = matrix_of(ready, "train", matrix)(vector.float())
        assert (single.double() - exact).norm() < 1e-5 * exact.norm()
        assert single.dtype == torch.float32


def test_statistics_that_follow_the_weights_are_refused(problem: Problem) -> None:
    with (
        prepared(problem, engine=Engine(evaluation="recompute")) as ready,
        pytest.raises(ValueError, match="second derivatives need the evaluation 'eval', got 'recompute'"),
    ):
        Hessian(ready, "train")


def test_an_unknown_matrix_is_refused(problem: Problem) -> None:
    with (
        prepared(problem) as ready,
        pytest.raises(ValueError, match=r"unknown matrix 'hesian', .*did you mean hessian"),
    ):
        matrix_of(ready, "train", "hesian")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("matrix", list(MATRICES))
def test_a_gpu_gives_the_products_of_a_cpu(
    double_problem: Problem, matrix: str, rng: torch.Generator
) -> None:
    vector = torch.randn(603, generator=rng, dtype=torch.float64)
    products = []
    for device in ("cpu", "cuda"):
        data = {split: (x.to(device), y.to(device)) for split, (x, y) in double_problem.data.items()}
        moved = Problem(copy.deepcopy(double_problem.model).to(device), double_problem.loss, data)
        with prepared(moved, engine=BATCHES) as ready:
            products.append(matrix_of(ready, "train", matrix)(vector.to(device)).cpu())
    assert_close(products[1], products[0], rtol=1e-9, atol=1e-11)


def test_products_are_symmetric(double_problem: Problem, rng: torch.Generator) -> None:
    left, right = torch.randn(2, 603, generator=rng, dtype=torch.float64)
    for matrix in MATRICES:
        with prepared(double_problem, engine=BATCHES) as ready:
            operator = matrix_of(ready, "train", matrix)
            assert np.isclose(float(left @ operator(right)), float(right @ operator(left)), rtol=1e-9)
