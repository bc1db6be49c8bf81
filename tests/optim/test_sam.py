"""Sharpness-aware minimisation on problems with known answers."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from schedule_free import SmallScheduleFree
from torch import Tensor, nn

from lossatlas.optim import SAM, AdaGrad, Momentum, Muon
from lossatlas.optim.stepping import takes_matrices

SGD = partial(torch.optim.SGD, lr=0.1)


def stepped(
    make: Callable[..., Any], loss: Callable[[Tensor], Tensor], start: list[float], steps: int
) -> Tensor:
    place = nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimizer = make([place])

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(place)
        value.backward()
        return value.detach()

    for _ in range(steps):
        optimizer.step(closure)
    return place.detach()


CURVATURES = torch.tensor([1.0, 8.0], dtype=torch.float64)


def test_a_step_on_a_bowl_is_the_closed_form() -> None:
    """w - r A (w + rho A w / |A w|)."""
    start = torch.tensor([2.0, -1.0], dtype=torch.float64)
    slope = CURVATURES * start
    expected = start - 0.1 * CURVATURES * (start + 0.3 * slope / slope.norm())
    found = stepped(lambda p: SAM(p, SGD, rho=0.3), lambda w: CURVATURES @ w.square() / 2, [2.0, -1.0], 1)
    torch.testing.assert_close(found, expected)


def test_an_adaptive_step_does_not_see_the_scale_of_the_weights() -> None:
    """ASAM: where a function is of w1 w2 alone, (a w1, w2 / a) climb to the same loss."""

    def loss(w: Tensor) -> Tensor:
        return (w[0] * w[1] - 1).square()

    heights = {}
    for adaptive in (True, False):
        heights[adaptive] = []
        for scale in (1.0, 10.0):
            seen: list[float] = []

            def noted(w: Tensor, seen: list[float] = seen) -> Tensor:
                seen.append(loss(w).item())
                return loss(w)

            stepped(
                lambda p, a=adaptive: SAM(p, SGD, rho=0.1, adaptive=a), noted, [2.0 * scale, 1.5 / scale], 1
            )
            heights[adaptive].append(seen[1])
    assert heights[True][0] == pytest.approx(heights[True][1], rel=1e-9)
    assert heights[False][0] != pytest.approx(heights[False][1], rel=0.1)


def test_it_goes_along_the_floor_of_a_valley_to_where_it_is_widest() -> None:
    """(1 + x^2) y^2 / 2 is 0 all along y = 0; climbed by rho along y, it falls by x rho^2 along x at a step."""

    def valley(w: Tensor) -> Tensor:
        return (1 + w[0].square()) * w[1].square() / 2

    small = partial(torch.optim.SGD, lr=0.1)
    plain = stepped(small, valley, [2.0, 0.1], 300)
    assert plain.tolist() == pytest.approx([2.0, 0.0], abs=0.02)
    aware = stepped(lambda p: SAM(p, small, rho=0.5), valley, [2.0, 0.1], 300)
    assert abs(aware[0].item()) < 0.02


def test_without_a_radius_it_is_its_base() -> None:
    for base in (partial(Momentum, lr=0.05, nesterov=True, weight_decay=0.1), partial(AdaGrad, lr=0.1)):
        plain = stepped(base, lambda w: w.pow(4).sum(), [1.0, -0.5], 5)
        wrapped = stepped(lambda p, b=base: SAM(p, b, rho=0.0), lambda w: w.pow(4).sum(), [1.0, -0.5], 5)
        torch.testing.assert_close(wrapped, plain, rtol=0, atol=0)


def test_rates_and_states_are_those_of_its_base() -> None:
    place = nn.Parameter(torch.ones(2))
    optimizer = SAM([place], partial(Momentum, lr=0.1))
    assert optimizer.param_groups[0] is optimizer.parts[0].param_groups[0]
    optimizer.param_groups[0]["lr"] = 0.0
    optimizer.step(lambda: place.square().sum().backward())
    assert place.tolist() == [1.0, 1.0]
    other = SAM([place], partial(Momentum, lr=0.1))
    other.load_state_dict(deepcopy(optimizer.state_dict()))
    other.step(lambda: None)
    assert other.parts[0].state[place]["momentum_buffer"].norm() > 0


def test_a_group_that_is_added_later_is_stepped_by_the_base() -> None:
    place, gate = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))
    optimizer = SAM([place], partial(Momentum, lr=0.1), rho=0.0)
    optimizer.add_param_group({"params": [gate], "lr": 0.2})

    def closure() -> None:
        optimizer.zero_grad()
        (place.sum() + gate.sum()).backward()

    optimizer.step(closure)
    assert place.tolist() == pytest.approx([0.9] * 2)
    assert gate.tolist() == pytest.approx([0.8] * 3)


def test_muon_may_be_stepped_where_the_loss_is_highest() -> None:
    weight = nn.Parameter(torch.eye(2))
    optimizer = SAM([weight], partial(Muon, lr=0.1))
    assert takes_matrices(optimizer)
    optimizer.step(lambda: (weight @ torch.tensor([1.0, 2.0])).square().sum().backward())
    assert not torch.equal(weight.detach(), torch.eye(2))


@pytest.mark.parametrize("base", [torch.optim.LBFGS, SmallScheduleFree, partial(SAM, base=SGD)])
def test_a_base_with_ways_of_its_own_is_refused(base: Any) -> None:
    with pytest.raises(ValueError, match="expected an optimizer that is stepped by gradients alone"):
        SAM([nn.Parameter(torch.zeros(1))], base)


def test_a_negative_radius_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rho must be >= 0, got -0.1"):
        SAM([nn.Parameter(torch.zeros(1))], SGD, rho=-0.1)
