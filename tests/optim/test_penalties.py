from typing import Any

import numpy as np
import pytest
import torch
from sklearn import linear_model
from torch import nn
from torch.optim import SGD

from lossatlas.optim import L1, L2, ElasticNet, Orthogonality
from lossatlas.optim.choosing import chosen


def problem() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)).double()
    for parameter in network.parameters():
        nn.init.normal_(parameter, generator=rng)
    return network, torch.randn(8, 5, generator=rng).double(), torch.randint(3, (8,), generator=rng)


@pytest.mark.parametrize("momentum", [{}, {"momentum": 0.9, "nesterov": True}], ids=["plain", "nesterov"])
def test_steps_of_sgd_are_those_with_the_optimizers_weight_decay(momentum: dict) -> None:
    weight_decay = 0.05
    theirs, inputs, targets = problem()
    ours, _, _ = problem()
    loss, penalty = nn.CrossEntropyLoss(), L2(weight_decay)
    their_sgd = SGD(theirs.parameters(), lr=0.1, weight_decay=weight_decay, **momentum)
    our_sgd = SGD(ours.parameters(), lr=0.1, **momentum)
    for _ in range(3):
        their_sgd.zero_grad()
        loss(theirs(inputs), targets).backward()
        their_sgd.step()
        our_sgd.zero_grad()
        (loss(ours(inputs), targets) + penalty(dict(ours.named_parameters()))).backward()
        our_sgd.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_the_penalty_is_half_the_weight_decay_times_the_squared_norm() -> None:
    network, _, _ = problem()
    norm = torch.cat([parameter.flatten() for parameter in network.parameters()]).norm()
    value = L2(0.3)(dict(network.named_parameters()))
    torch.testing.assert_close(value, 0.15 * norm**2)
    assert value.shape == ()


def test_a_negative_weight_decay_is_refused() -> None:
    with pytest.raises(ValueError, match=r"weight_decay must be >= 0, got -0.1"):
        L2(-0.1)


def regression() -> tuple[torch.Tensor, torch.Tensor]:
    """100 examples of 50 features, of which five matter."""
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(100, 50, generator=rng).double()
    w = torch.zeros(50).double()
    w[:5] = torch.tensor([3.0, -2.0, 1.5, 1.0, -1.0])
    return x, x @ w + 0.1 * torch.randn(100, generator=rng).double()


def descended(penalty: Any, steps: int = 400, rate: float = 0.2) -> torch.Tensor:
    """Weights after steps of gradient descent on half the mean of squares, with the penalty."""
    x, y = regression()
    w = torch.zeros(50, dtype=torch.float64, requires_grad=True)
    sgd = SGD([w], lr=rate)
    for _ in range(steps):
        sgd.zero_grad()
        (0.5 * (x @ w - y).square().mean() + penalty({"w": w})).backward()
        sgd.step()
        if penalty.project:
            penalty.project({"w": w}, {"w": rate})
    return w.detach()


def of_sklearn(model: Any) -> np.ndarray:
    x, y = regression()
    return model(fit_intercept=False, tol=1e-12, max_iter=100_000).fit(x.numpy(), y.numpy()).coef_


def test_proximal_steps_end_at_the_lasso_of_scikit_learn_with_its_exact_zeros() -> None:
    ours = descended(L1(0.2, step="proximal")).numpy()
    theirs = of_sklearn(lambda **fit: linear_model.Lasso(alpha=0.2, **fit))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert ((ours == 0) == (theirs == 0)).all()
    assert (ours == 0).sum() > 40


def test_the_subgradient_leaves_no_exact_zero() -> None:
    w = descended(L1(0.2))
    assert (w == 0).sum() == 0
    theirs = of_sklearn(lambda **fit: linear_model.Lasso(alpha=0.2, **fit))
    assert (
        np.abs(w.numpy() - theirs).max() < 2 * 0.2 * 0.2
    )  # it goes to and fro by the rate times the coefficient


@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
def test_proximal_steps_end_at_the_elastic_net_of_scikit_learn(l1_ratio: float) -> None:
    ours = descended(ElasticNet(0.4, l1_ratio, step="proximal")).numpy()
    theirs = of_sklearn(lambda **fit: linear_model.ElasticNet(alpha=0.4, l1_ratio=l1_ratio, **fit))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_an_elastic_net_is_the_sum_of_both_penalties() -> None:
    parameters = dict(problem()[0].named_parameters())
    both = L1(0.3 * 0.25)(parameters) + L2(0.3 * 0.75)(parameters)
    torch.testing.assert_close(ElasticNet(0.3, l1_ratio=0.25)(parameters), both)


def test_the_value_of_a_proximal_penalty_is_the_same_and_has_no_gradient() -> None:
    parameters = dict(problem()[0].named_parameters())
    value = L1(0.3, step="proximal")(parameters)
    assert not value.requires_grad
    assert value == L1(0.3)(parameters)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 2, 3, 3)])
def test_orthogonality_is_that_of_the_singular_values(shape: tuple[int, ...]) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    singular = torch.linalg.svdvals(weight.flatten(1))
    expected = 0.3 * (singular.square() - 1).square().sum()
    torch.testing.assert_close(
        Orthogonality(0.3)({"weight": weight, "bias": torch.ones(3).double()}), expected
    )
    assert torch.autograd.gradcheck(
        lambda w: Orthogonality(0.3, norms="free")({"weight": w}), weight.requires_grad_()
    )


def test_it_is_zero_for_orthogonal_weights_of_any_norm_if_that_is_free() -> None:
    weight = nn.init.orthogonal_(torch.empty(6, 4, dtype=torch.float64))
    assert Orthogonality(1.0)({"weight": weight}) < 1e-24
    assert Orthogonality(1.0, norms="free")({"weight": 3 * weight}) < 1e-24
    assert Orthogonality(1.0)({"weight": 3 * weight}) == pytest.approx(4 * 8**2)


@pytest.mark.parametrize("penalty", [L1, L2])
def test_weights_alone_leave_out_what_has_one_dimension(penalty: type) -> None:
    parameters = dict(problem()[0].named_parameters())
    weights = {name: p for name, p in parameters.items() if p.ndim == 2}
    assert penalty(0.1, parameters="weights")(parameters) == penalty(0.1)(weights) < penalty(0.1)(parameters)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L1(-1.0), "coefficient must be >= 0, got -1.0"),
        (lambda: L1(float("nan")), "coefficient must be >= 0, got nan"),
        (lambda: L1(0.1, step="prox"), "step must be one of subgradient, proximal, got 'prox'"),
        (lambda: L2(0.1, parameters="bias"), "parameters must be one of all, weights, got 'bias'"),
        (lambda: ElasticNet(-0.1), "alpha must be >= 0, got -0.1"),
        (lambda: ElasticNet(0.1, l1_ratio=1.5), r"l1_ratio is a share and must be in \[0, 1\], got 1.5"),
        (lambda: Orthogonality(0.1, norms="two"), "norms must be one of one, free, got 'two'"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_weights_that_are_not_there_or_not_those_that_act_are_told() -> None:
    with pytest.raises(ValueError, match="there are none of the weights that it is to act on"):
        chosen({"bias": torch.ones(2)}, "weights")
    layer = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)))
    with pytest.raises(ValueError, match=r"^0\.weight is parametrised, and its tensors are not the weights"):
        Orthogonality(0.1)(dict(layer.named_parameters()))
