"""Momentum, AdaGrad, RMSProp and Adam: torch's convention against torch, the others against their formula."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lossatlas.optim import AdaGrad, Adam, Momentum, NAdam, RMSProp

Make = Callable[[Any], Optimizer]


def parameters() -> list[nn.Parameter]:
    rng = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=rng).double()) for shape in ((3, 2), (3,), (2, 1, 2))]


def trained(make: Make, steps: int = 7) -> list[Tensor]:
    """Parameters after some steps on a loss that is no quadratic."""
    own = parameters()
    optimizer = make(own)
    for step in range(steps):
        optimizer.zero_grad()
        sum(((p - 0.1 * step).square() + p.pow(4) / 4).sum() for p in own).backward()  # type: ignore[union-attr]
        optimizer.step()
    return [p.detach() for p in own]


def course(make: Make, gradients: list[float], start: float = 0.0) -> list[float]:
    """Where a weight is after each of the ``gradients``."""
    weight = nn.Parameter(torch.tensor([start], dtype=torch.float64))
    optimizer, places = make([weight]), []
    for gradient in gradients:
        weight.grad = torch.full_like(weight, gradient)
        optimizer.step()
        places.append(weight.item())
    return places


DECAY = {"weight_decay": 0.1}
TORCHS: dict[str, tuple[Make, Make]] = {
    "plain": (lambda p: Momentum(p, 0.05, 0.0, **DECAY), lambda p: torch.optim.SGD(p, 0.05, **DECAY)),
    "momentum": (lambda p: Momentum(p, 0.05, 0.9, **DECAY), lambda p: torch.optim.SGD(p, 0.05, 0.9, **DECAY)),
    "nesterov": (
        lambda p: Momentum(p, 0.05, 0.9, nesterov=True, **DECAY),
        lambda p: torch.optim.SGD(p, 0.05, 0.9, nesterov=True, **DECAY),
    ),
    "adagrad": (lambda p: AdaGrad(p, **DECAY), lambda p: torch.optim.Adagrad(p, **DECAY)),
    "rmsprop": (
        lambda p: RMSProp(p, 0.01, 0.99, **DECAY),
        lambda p: torch.optim.RMSprop(p, 0.01, 0.99, **DECAY),
    ),
    "rmsprop, centered, momentum": (
        lambda p: RMSProp(p, 0.01, 0.99, momentum=0.8, centered=True),
        lambda p: torch.optim.RMSprop(p, 0.01, 0.99, momentum=0.8, centered=True),
    ),
    "adam": (lambda p: Adam(p, decay="gradient", **DECAY), lambda p: torch.optim.Adam(p, **DECAY)),
    "adamw": (
        lambda p: Adam(p, amsgrad=True, **DECAY),
        lambda p: torch.optim.AdamW(p, amsgrad=True, **DECAY),
    ),
    "nadam": (lambda p: NAdam(p, **DECAY), lambda p: torch.optim.NAdam(p, **DECAY)),
    "nadam, decoupled": (
        lambda p: NAdam(p, decay="decoupled", **DECAY),
        lambda p: torch.optim.NAdam(p, decoupled_weight_decay=True, **DECAY),
    ),
}


@pytest.mark.parametrize(("ours", "theirs"), TORCHS.values(), ids=TORCHS)
def test_torchs_convention_takes_torchs_steps(ours: Make, theirs: Make) -> None:
    torch.testing.assert_close(trained(ours), trained(theirs), rtol=1e-12, atol=1e-12)


# Epsilon


@pytest.mark.parametrize(("epsilon", "step"), [("inside", 1.0e-4), ("outside", 9.9e-3)])
def test_the_first_step_of_adagrad_at_a_gradient_of_a_millionth(epsilon: Any, step: float) -> None:
    (place,) = course(lambda p: AdaGrad(p, 0.01, eps=1e-8, epsilon=epsilon), [1e-6])
    assert -place == pytest.approx(step, rel=2e-3)


def test_rmsprop_has_epsilon_inside_the_root_where_told() -> None:
    """w = w - lr g / sqrt(s + eps), s = 0.9 s + 0.1 g^2, by hand."""
    expected, square, place = [], 0.0, 0.0
    for gradient in (1e-3, -2e-3, 3e-3):
        square = 0.9 * square + 0.1 * gradient**2
        place -= 0.001 * gradient / (square + 1e-4) ** 0.5
        expected.append(place)
    ours = course(lambda p: RMSProp(p, eps=1e-4, epsilon="inside"), [1e-3, -2e-3, 3e-3])
    assert ours == pytest.approx(expected, rel=1e-12)


# Velocity


def test_momentum_as_a_running_average_takes_steps_of_one_minus_momentum_times_the_size() -> None:
    gradients = [1.0, -0.5, 2.0, 0.3]
    average = course(lambda p: Momentum(p, 0.1, 0.9, velocity="average"), gradients)
    total = course(lambda p: Momentum(p, 0.1, 0.9), gradients)
    assert average == pytest.approx([0.1 * place for place in total], rel=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_at_a_constant_rate_it_makes_no_difference_where_the_rate_is(nesterov: bool) -> None:
    inside = trained(lambda p: Momentum(p, 0.05, 0.9, nesterov, "rate", **DECAY))
    outside = trained(lambda p: Momentum(p, 0.05, 0.9, nesterov, "sum", **DECAY))
    torch.testing.assert_close(inside, outside, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("velocity", "step"), [("sum", 0.010), ("rate", 0.896)])
def test_a_rate_that_falls_a_hundredfold_slows_what_was_gathered_only_where_it_is_outside(
    velocity: Any, step: float
) -> None:
    """After fifty steps at a gradient of 1 and a rate of 0.1."""
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = Momentum([weight], 0.1, 0.9, velocity=velocity)
    for number in range(51):
        before = weight.item()
        optimizer.param_groups[0]["lr"] = 0.1 if number < 50 else 0.001
        weight.grad = torch.ones_like(weight)
        optimizer.step()
    assert before - weight.item() == pytest.approx(step, abs=5e-4)


# Decay


def test_decoupled_decay_is_that_in_the_gradient_for_plain_descent_alone() -> None:
    def ends(momentum: float) -> list[list[Tensor]]:
        makes = [
            lambda p, d=decay: Momentum(p, 0.05, momentum, decay=d, **DECAY)
            for decay in ("gradient", "decoupled")
        ]
        return [trained(make, 20) for make in makes]

    torch.testing.assert_close(*ends(0.0), rtol=1e-12, atol=1e-12)
    one, other = ends(0.9)
    assert not torch.allclose(one[0], other[0], rtol=1e-2)


@pytest.mark.parametrize(("decay", "place"), [("gradient", 2.197), ("decoupled", 2.356)])
def test_with_momentum_the_two_decays_end_elsewhere(decay: Any, place: float) -> None:
    """Twenty steps on (w - 3)^2 / 2 from 1, at a rate and a decay of 0.1."""
    weight = nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = Momentum([weight], 0.1, 0.9, weight_decay=0.1, decay=decay)
    for _ in range(20):
        weight.grad = weight.detach() - 3
        optimizer.step()
    assert weight.item() == pytest.approx(place, abs=5e-4)


@pytest.mark.parametrize(
    "make",
    [
        lambda p, **k: Momentum(p, 0.1, 0.9, nesterov=True, **k),
        lambda p, **k: AdaGrad(p, 0.1, **k),
        lambda p, **k: RMSProp(p, 0.1, **k),
        lambda p, **k: Adam(p, 0.1, **k),
        lambda p, **k: NAdam(p, 0.1, **k),
    ],
)
def test_decoupled_decay_multiplies_and_the_step_is_as_without(make: Callable[..., Optimizer]) -> None:
    gradients = [1.0, 2.0, -1.0]
    plain = course(lambda p: make(p, weight_decay=0.0), gradients, start=3.0)
    steps = [after - before for before, after in zip([3.0, *plain], plain, strict=False)]
    place, expected = 3.0, []
    for step in steps:
        place = place * (1 - 0.1 * 0.2) + step
        expected.append(place)
    decoupled = course(lambda p: make(p, weight_decay=0.2, decay="decoupled"), gradients, start=3.0)
    assert decoupled == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", [Momentum, AdaGrad, RMSProp, Adam, NAdam])
@pytest.mark.parametrize("decay", ["gradient", "decoupled"])
def test_biases_decay_unless_told(kind: Any, decay: str) -> None:
    """Without a gradient of the loss nothing but the decay moves."""
    moved = {}
    for bias_decay in (True, False):
        own = parameters()
        optimizer = kind(own, lr=0.1, weight_decay=0.1, decay=decay, bias_decay=bias_decay)
        for parameter in own:
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        moved[bias_decay] = [
            not torch.equal(after, before) for after, before in zip(own, parameters(), strict=True)
        ]
    assert moved == {True: [True, True, True], False: [True, False, True]}


def test_groups_keep_their_own_settings_where_they_are_divided() -> None:
    weight, bias, other = (nn.Parameter(torch.ones(shape)) for shape in ((2, 2), (2,), (3, 3)))
    groups = [{"params": [weight, bias], "lr": 0.5}, {"params": other}]
    optimizer = Momentum(groups, 0.1, weight_decay=0.3, bias_decay=False)
    found = [(len(group["params"]), group["lr"], group["weight_decay"]) for group in optimizer.param_groups]
    assert found == [(1, 0.5, 0.3), (1, 0.5, 0.0), (1, 0.1, 0.3)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: Momentum(p, -0.1), "lr must be >= 0, got -0.1"),
        (lambda p: Momentum(p, 0.1, 1.0), r"momentum must be in \[0, 1\), got 1.0"),
        (lambda p: Momentum(p, 0.1, weight_decay=-1.0), "weight_decay must be >= 0, got -1.0"),
        (
            lambda p: Momentum(p, 0.1, velocity="mean"),
            "unknown velocity 'mean', expected one of sum, average, rate",
        ),  # type: ignore[arg-type]
        (lambda p: AdaGrad(p, epsilon="within"), "unknown epsilon 'within', expected one of outside, inside"),  # type: ignore[arg-type]
        (lambda p: NAdam(p, decay="loss"), "unknown decay 'loss', expected one of gradient, decoupled"),  # type: ignore[arg-type]
        (lambda p: AdaGrad(p, eps=-1.0), "eps must be >= 0, got -1.0"),
        (lambda p: RMSProp(p, alpha=1.5), r"alpha must be in \[0, 1\), got 1.5"),
    ],
)
def test_numbers_out_of_their_range_are_refused(make: Make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(parameters())


@pytest.mark.parametrize("epsilon", ["outside", "inside"])
def test_the_variance_of_constant_gradients_is_not_below_zero(epsilon: Any) -> None:
    """By rounding it would be, and its root no number."""
    weight = torch.nn.Parameter(torch.zeros(1000))
    optimizer = RMSProp([weight], centered=True, epsilon=epsilon)
    gradient = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    for _ in range(400):
        weight.grad = gradient.clone()
        optimizer.step()
    assert weight.isfinite().all()
