import pytest
import torch

from lossatlas.landscape import Engine, Problem
from lossatlas.landscape.measuring.gradient import loss_and_gradient
from lossatlas.landscape.measuring.prepared import prepared


@pytest.mark.parametrize("batch_size", [23, 10, 1])
def test_gradient_of_linear_regression_is_the_closed_form(regression: Problem, batch_size: int) -> None:
    """With the mean over examples and outputs, dL/dW = 2 R'X / (2 N) for the residuals R."""
    x, y = regression.data["train"]
    with prepared(regression, engine=Engine(batch_size=batch_size)) as ready:
        loss, gradient = loss_and_gradient(ready, "train")
    residuals = x @ regression.model.weight.T + regression.model.bias - y
    assert loss == pytest.approx((residuals**2).mean().item(), rel=1e-14)
    torch.testing.assert_close(
        gradient["weight"], (residuals.T @ x / len(x)).detach(), rtol=1e-12, atol=1e-14
    )
    torch.testing.assert_close(gradient["bias"], residuals.mean(0).detach(), rtol=1e-12, atol=1e-14)


def test_gradient_agrees_with_finite_differences(double_problem: Problem) -> None:
    with prepared(double_problem, engine=Engine(batch_size=16)) as ready:
        _, gradient = loss_and_gradient(ready, "train")
        for name, index in (("0.weight", (2, 1, 0, 2)), ("1.weight", (3,)), ("9.weight", (1, 40))):
            values = []
            for step in (1e-6, -2e-6):
                ready.weights[name][index] += step
                values.append(ready.measure()[0])
            ready.weights[name][index] += 1e-6
            difference = (values[0] - values[1]) / 2e-6
            assert gradient[name][index].item() == pytest.approx(difference, rel=1e-5, abs=1e-8)


def test_the_network_keeps_its_gradients_and_their_absence(problem: Problem) -> None:
    problem.model[0].weight.requires_grad_(False)
    with prepared(problem) as ready:
        _, gradient = loss_and_gradient(ready, "train")
    assert gradient["0.weight"].any()  # the landscape has all parameters, also those that were frozen
    assert all(parameter.grad is None for parameter in problem.model.parameters())
    assert not problem.model[0].weight.requires_grad
