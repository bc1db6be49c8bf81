"""Quickprop on parabolas, and against Fahlman's own code, weight by weight."""

import pytest
import torch
from torch import Tensor, nn

from lossatlas.optim import Quickprop


def fahlman1988(s: float, p: float, d: float, epsilon: float, mu: float) -> float:
    """Next step of a weight of slope ``s``, slope before ``p`` and last step ``d``: UPDATE-WEIGHTS of his Lisp code."""
    shrink, step = mu / (1 + mu), 0.0
    if d < 0:
        if s > 0:
            step -= epsilon * s
        step += mu * d if s >= shrink * p else d * s / (p - s)
    elif d > 0:
        if s < 0:
            step -= epsilon * s
        step += mu * d if s <= shrink * p else d * s / (p - s)
    else:
        step -= epsilon * s
    return step


def slope(place: Tensor) -> Tensor:
    """Of a loss with several minima in each direction."""
    return torch.tensor([1.0, 3.0, 0.2, 2.0]).double() * place + 2 * torch.sin(3 * place)


@pytest.mark.parametrize(("lr", "growth"), [(0.05, 1.75), (0.3, 1.2), (0.01, 2.25)])
def test_steps_are_those_of_fahlmans_code(lr: float, growth: float) -> None:
    place = nn.Parameter(torch.tensor([2.0, -1.0, 5.0, 0.3], dtype=torch.float64))
    optimizer = Quickprop([place], lr=lr, growth=growth)
    before, last = [0.0] * 4, [0.0] * 4
    for _ in range(25):
        place.grad = slope(place.detach())
        slopes, expected = place.grad.tolist(), place.tolist()
        last = [fahlman1988(s, p, d, lr, growth) for s, p, d in zip(slopes, before, last, strict=True)]
        before = slopes
        optimizer.step()
        assert place.tolist() == pytest.approx([w + d for w, d in zip(expected, last, strict=True)])


def test_a_separable_bowl_takes_two_steps_where_the_first_has_passed_the_bottom() -> None:
    """The parabola through two slopes of a parabola is itself, whatever the curvatures beside each other."""
    curvatures = torch.tensor([4.0, 5.0, 6.0], dtype=torch.float64)
    place = nn.Parameter(torch.tensor([1.0, -2.0, 30.0], dtype=torch.float64))
    optimizer = Quickprop([place], lr=0.3)
    for _ in range(2):
        place.grad = curvatures * place.detach()
        optimizer.step()
    assert place.tolist() == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)


def test_weight_decay_is_part_of_the_slope() -> None:
    one, other = (nn.Parameter(torch.tensor([3.0], dtype=torch.float64)) for _ in range(2))
    decayed, plain = Quickprop([one], lr=0.1, weight_decay=0.5), Quickprop([other], lr=0.1)
    for _ in range(6):
        one.grad, other.grad = one.detach() - 1, 1.5 * other.detach() - 1
        decayed.step()
        plain.step()
    assert one.item() == pytest.approx(other.item(), rel=1e-12)


def test_a_growth_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="growth must be positive, got 0"):
        Quickprop([nn.Parameter(torch.zeros(1))], growth=0)


def test_its_state_takes_the_dtype_and_device_of_the_parameters_from_a_checkpoint() -> None:
    """torch leaves a state that is called "step" where it was."""
    single, double = (nn.Parameter(torch.ones(3, dtype=dtype)) for dtype in (torch.float32, torch.float64))
    optimizer = Quickprop([single])
    single.grad = torch.ones(3)
    optimizer.step()
    other = Quickprop([double])
    other.load_state_dict(optimizer.state_dict())
    assert {value.dtype for value in other.state[double].values()} == {torch.float64}
