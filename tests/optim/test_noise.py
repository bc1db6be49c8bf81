import math

import pytest
import torch

from lossatlas.optim import GradientNoise, WeightNoise


def test_noise_on_the_weights_costs_half_its_variance_times_the_trace_of_the_hessian() -> None:
    """Of a quadratic exactly: E loss(w + noise) = loss(w) + std^2 / 2 tr H."""
    torch.manual_seed(0)
    curvatures = torch.tensor([[0.5, 2.0], [4.0, 10.0]], dtype=torch.float64)
    w = torch.tensor([[1.0, -1.0], [0.5, 0.2]], dtype=torch.float64)
    noise = WeightNoise(0.3)
    losses = torch.stack(
        [0.5 * (curvatures * noise.perturbed({"w": w})["w"].square()).sum() for _ in range(4000)]
    )
    expected = 0.5 * (curvatures * w.square()).sum() + 0.3**2 / 2 * curvatures.sum()
    assert abs(losses.mean() - expected) < 4 * losses.std() / math.sqrt(len(losses))


def test_relative_noise_is_in_units_of_the_root_mean_square() -> None:
    torch.manual_seed(0)
    w = torch.full((200, 100), 5.0)
    w[:, ::2] *= -1
    assert float((WeightNoise(0.1, relative=True).perturbed({"w": w})["w"] - w).std()) == pytest.approx(
        0.5, rel=0.02
    )


def test_the_gradient_flows_past_the_noise_and_biases_have_none_unless_asked_for() -> None:
    parameters = {"w": torch.ones(2, 2, requires_grad=True), "b": torch.ones(2, requires_grad=True)}
    assert list(WeightNoise(0.1).perturbed(parameters)) == ["w"]
    noisy = WeightNoise(0.1, relative=True, parameters="all").perturbed(parameters)
    (gradient,) = torch.autograd.grad(noisy["b"].sum(), parameters["b"])
    assert gradient.tolist() == [1.0, 1.0]


def test_noise_on_the_gradients_falls_as_the_paper_says() -> None:
    torch.manual_seed(0)
    for step, std in ((0, 0.5), (999, 0.5 / 1000**0.275)):
        weight = torch.ones(300, 300)
        weight.grad = torch.full_like(weight, 2.0)
        GradientNoise(0.25).change_gradients({"w": weight, "frozen": torch.ones(1)}, step)
        assert float(weight.grad.std()) == pytest.approx(std, rel=0.01)
        assert float(weight.grad.mean()) == pytest.approx(2.0, abs=0.01)
