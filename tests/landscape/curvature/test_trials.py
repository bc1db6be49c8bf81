"""Second derivatives through backward passes that somebody wrote: right, or refused in one line."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lossatlas.landscape import (
    HessianDirections,
    Problem,
    convexity,
    eigenvalues,
    line,
    spectrum,
    trace,
)
from lossatlas.landscape.survey import Survey

SURVEYS = {
    "eigenvalues": eigenvalues,
    "trace": partial(trace, probes=5, sketch=2),
    "spectrum": partial(spectrum, probes=1, steps=5),
    "convexity": partial(convexity, points=2),
    "along eigenvectors": partial(line, along=HessianDirections(), points=3),
}


class Detached(torch.autograd.Function):
    """The square; its derivative is right and computed of a detached input, as adjoint solvers do."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.x = x.detach()
        return x**2

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return 2 * context.x * gradients[0]


class Once(torch.autograd.Function):
    """The square, which says that it can be differentiated once."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.save_for_backward(x)
        return x**2

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return 2 * context.saved_tensors[0] * gradients[0]


class Unrecorded(Once):
    """The square, whose derivative is computed without being recorded."""

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        with torch.no_grad():
            return 2 * context.saved_tensors[0] * gradients[0]


class Proper(Once):
    """The square, done well."""

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return 2 * context.saved_tensors[0] * gradients[0]


class Single(Proper):
    """The square, done well, of float32 alone, as kernels may be."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        if x.dtype is not torch.float32:
            raise RuntimeError("expected float32")
        return Once.forward(context, x)


class SingleDetached(Detached):
    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        if x.dtype is not torch.float32:
            raise RuntimeError("expected float32")
        return Detached.forward(context, x)


class Reversed(torch.autograd.Function):
    """The identity, with the gradient of minus it."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return -gradients[0]


class Net(nn.Module):
    def __init__(self, square: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two = nn.Linear(5, 8), nn.Linear(8, 3)
        self.square = square
        nn.init.normal_(self.two.weight, std=2.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.square(torch.relu(self.one(x))))


def of(square: Callable[[Tensor], Tensor]) -> Problem:
    x = torch.randn(60, 5, generator=torch.Generator().manual_seed(1))
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0.5).long()
    return Problem(Net(square), nn.functional.cross_entropy, {"train": (x, y)})


@pytest.mark.parametrize("survey", SURVEYS.values(), ids=SURVEYS)
@pytest.mark.parametrize("function", [Detached, SingleDetached])
def test_a_backward_pass_of_detached_values_is_refused(
    survey: Survey, function: type[torch.autograd.Function]
) -> None:
    """It gave another Hessian, with converged = 1 and a small residual."""
    with pytest.raises(
        ValueError, match=f"Net has no second derivatives .* {function.__name__} cannot be diff"
    ):
        survey(of(function.apply))


@pytest.mark.parametrize("matrix", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("function", [Once, Unrecorded, Reversed])
def test_what_cannot_be_differentiated_twice_is_refused(
    function: type[torch.autograd.Function], matrix: str
) -> None:
    """Nor does torch complain of `Once` where it is asked for the derivative by given tensors: it gives zero."""
    said = f"Net has no second derivatives that torch could compute: .* of {function.__name__} cannot be diff"
    with pytest.raises(ValueError, match=said):
        eigenvalues(of(function.apply), matrix=matrix)


def test_what_torch_says_that_it_cannot_differentiate_is_refused_in_one_line() -> None:
    """A fused kernel of attention, which the network asks for by name."""

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.project = nn.Linear(8, 24)

        def forward(self, x: Tensor) -> Tensor:
            q, k, v = self.project(x).unsqueeze(1).chunk(3, dim=-1)
            return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v)[0].sum((1, 2))

    problem = Problem(
        Attention(), nn.functional.mse_loss, {"train": (torch.randn(4, 3, 8), torch.ones(4, 8))}
    )
    with pytest.raises(ValueError, match=r"^torch cannot differentiate Attention: .*not implemented[^\n]*$"):
        eigenvalues(problem)


@pytest.mark.parametrize("matrix", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("function", [Proper, Single])
def test_a_backward_pass_that_can_be_differentiated_is_taken(
    function: type[torch.autograd.Function], matrix: str
) -> None:
    truth = eigenvalues(of(torch.square), matrix=matrix)
    found = eigenvalues(of(function.apply), matrix=matrix)
    assert np.allclose(found.eigenvalue, truth.eigenvalue, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("function", "is_right"), [(Proper, True), (Detached, False), (Reversed, False)], ids=str
)
def test_a_network_that_computes_in_float32_within_is_judged_by_longer_steps(
    function: type[torch.autograd.Function], is_right: bool, dtype: torch.dtype
) -> None:
    """A step of 1e-8 is lost in the rounding of such norms, whatever the dtype of the weights."""

    class SinglePrecision(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            single = x.float()
            return (single * torch.rsqrt(single.square().mean(-1, keepdim=True) + 1e-6)).to(x)

    problem = of(lambda x: function.apply(SinglePrecision()(x)))
    problem = Problem(
        problem.model.to(dtype),
        problem.loss,
        {"train": (problem.data["train"][0].to(dtype), problem.data["train"][1])},
    )
    if is_right:
        assert np.isfinite(eigenvalues(problem, matrix="hessian").eigenvalue).all()
    else:
        with pytest.raises(ValueError, match="cannot be differentiated"):
            eigenvalues(problem, matrix="hessian")


def test_gauss_newton_needs_no_second_derivative_of_the_network() -> None:
    """Its backward pass is right, and linear in what it is given."""
    truth = eigenvalues(of(torch.square), matrix="gauss_newton")
    found = eigenvalues(of(Detached.apply), matrix="gauss_newton")
    assert np.allclose(found.eigenvalue, truth.eigenvalue, rtol=1e-4, atol=1e-6)


def test_a_loss_that_cannot_be_differentiated_twice_is_refused() -> None:
    network = of(torch.square)

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(Detached.apply(outputs), targets)

    problem = Problem(network.model, loss, network.data)
    for matrix in ("hessian", "gauss_newton"):
        with pytest.raises(ValueError, match="the backward pass of Detached cannot be differentiated"):
            eigenvalues(problem, matrix=matrix)


def test_a_unit_at_its_kink_is_no_reason_to_refuse() -> None:
    """Black images and biases of zero: all units of the first layer are at the kink of their ReLU."""
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    nn.init.zeros_(model[0].bias)
    model.append(Bend())
    problem = Problem(model, nn.functional.mse_loss, {"train": (torch.zeros(20, 5), torch.ones(20, 3))})
    assert eigenvalues(problem).converged


class Bend(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Proper.apply(x)
