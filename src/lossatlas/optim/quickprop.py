"""Quickprop: each weight by the parabola through its last two slopes."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from lossatlas.optim.weight_decay import check_rates


class Quickprop(Optimizer):
    """Quickprop (Fahlman 1988): a weight goes to the lowest point of the parabola through its slopes now and before.

    With the slope s, the one before s' and the last step d, that is d s / (s' - s). As in his code a step is at most
    ``growth`` times the last, and takes that length too where the parabola has no lowest point ahead; a descent by
    ``lr`` times the slope is added unless the slope has changed its sign, and begins a weight's course or goes on with
    it where the last step was 0. It is made for the gradient of the whole training set: between batches the difference
    of slopes is not that of a parabola.

    Parameters
    ----------
    params : iterable
        Parameters, or groups of them.
    lr : float, default 0.1
        Rate of the descent.
    growth : float, default 1.75
        Longest step in terms of the last, above 0.
    weight_decay : float, default 0.0
        Added to the slope, times the weight; his own is 0.0001.

    Raises
    ------
    ValueError
        For negative numbers.

    Examples
    --------
    >>> weight = torch.nn.Parameter(torch.tensor([4.0]))
    >>> optimizer = Quickprop([weight], lr=0.3)
    >>> for _ in range(2):  # of 2 w^2: to -0.8, past the lowest point, and then to it
    ...     weight.grad = 4 * weight.detach()
    ...     optimizer.step()
    >>> round(weight.item(), 6)
    0.0
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 0.1, growth: float = 1.75, weight_decay: float = 0.0
    ) -> None:
        check_rates(lr=lr, weight_decay=weight_decay)
        if not growth > 0:
            raise ValueError(f"growth must be positive, got {growth}")
        super().__init__(params, {"lr": lr, "growth": growth, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step; ``closure`` evaluates the loss and its gradients first, and what it gives is returned."""
        with torch.enable_grad():
            returned = None if closure is None else closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                slope = parameter.grad.add(parameter, alpha=group["weight_decay"])
                last = state.get(
                    "last", torch.zeros_like(parameter)
                )  # "step" would stay where a checkpoint has it
                before = state.get("slope", torch.zeros_like(parameter))
                step = quickprop_step(slope, before, last, group["lr"], group["growth"])
                parameter.add_(step)
                state["slope"], state["last"] = slope, step
        return returned


def quickprop_step(slope: Tensor, before: Tensor, last: Tensor, lr: float, growth: float) -> Tensor:
    """Step of each weight, given its slope, the slope before and the last step; all of one shape.

    >>> quickprop_step(*torch.tensor([[-1.0, 1.0, 3.0], [-2.0, -2.0, 2.0], [1.0, 1.0, -1.0]]), lr=0.1, growth=1.75)
    tensor([ 1.1000, -0.3333, -2.0500])
    """
    onward = last.sign()  # of a step; a slope of the other sign still descends along it
    ahead, behind = -onward * slope, -onward * before
    shrink = growth / (1 + growth)
    jump = last * slope / torch.where(before == slope, 1.0, before - slope)
    step = torch.where(ahead >= shrink * behind, growth * last, jump)
    descent = torch.where((ahead > 0) | (last == 0), -lr * slope, 0.0)
    return torch.where(last == 0, 0.0, step) + descent
