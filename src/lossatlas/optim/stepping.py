"""How optimizers want to be stepped, beside once for each gradient: by closures, or with modes of their own."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim import Optimizer


def needs_closure(optimizer: Optimizer) -> bool:
    """Whether a step evaluates the loss itself, as often as it likes, as L-BFGS does.

    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> needs_closure(torch.optim.LBFGS([weight])), needs_closure(torch.optim.SGD([weight], lr=0.1))
    (True, False)
    """
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is closure.empty


def needs_objective(optimizer: Optimizer) -> bool:
    """Whether a step differentiates the loss itself, as `lossatlas.optim.Newton` does.

    Then it is ``step(closure, objective)``: see `lossatlas.optim.second_order`.

    >>> needs_objective(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1))
    False
    """
    return "objective" in inspect.signature(optimizer.step).parameters


def keeps_statistics(optimizer: Optimizer) -> bool:
    """Whether running statistics are to move once a step, by the pass at the weights before it, and by no other."""
    return bool(getattr(optimizer, "keeps_statistics", False))


def takes_matrices(optimizer: Optimizer) -> bool:
    """Whether its steps depend on which entries of a parameter are a row, as Muon's do, or those of one made of it.

    >>> matrix = torch.nn.Parameter(torch.zeros(2, 2))
    >>> takes_matrices(torch.optim.Muon([matrix])), takes_matrices(torch.optim.SGD([matrix], lr=0.1))
    (True, False)
    """
    of_parts = map(takes_matrices, getattr(optimizer, "parts", ()))
    return isinstance(optimizer, torch.optim.Muon) or any(of_parts)


def descent_rates(optimizer: Optimizer) -> list[float] | None:
    """How far a constant gradient of 1 moves the parameters of each group in a step at last; None if that is no rate.

    It is the rate over 1 - momentum for gradient descent with momentum. Adaptive optimizers move a weight as far
    whatever the size of its gradient.

    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> [round(rate, 6) for rate in descent_rates(torch.optim.SGD([weight], lr=0.1, momentum=0.9))]
    [1.0]
    >>> descent_rates(torch.optim.Adam([weight])) is None
    True
    """
    if isinstance(optimizer, torch.optim.SGD):
        return [
            group["lr"] * ((1 - group["dampening"]) / (1 - group["momentum"]) if group["momentum"] else 1.0)
            for group in optimizer.param_groups
        ]
    if callable(own := getattr(optimizer, "descent_rates", None)):
        return list(own())
    of_parts = [descent_rates(part) for part in getattr(optimizer, "parts", ())]
    if not of_parts or None in of_parts:
        return None
    return [rate for rates in of_parts for rate in rates or ()]


def has_modes(optimizer: Optimizer) -> bool:
    """Whether it steps from other weights than those to be evaluated, and goes from the ones to the others itself.

    The protocol of schedule-free optimizers (Defazio et al. 2024, arXiv:2405.15682), as their package has it:
    ``optimizer.train()`` puts the weights in place from which steps are taken, ``optimizer.eval()`` their average.

    >>> has_modes(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1))
    False
    """
    return all(callable(getattr(optimizer, mode, None)) for mode in ("train", "eval"))


def set_mode(optimizer: Optimizer, mode: str) -> None:
    """Go to the ``mode``, "train" or "eval", of an optimizer that has them; any other stays as it is."""
    if has_modes(optimizer):
        with torch.no_grad():
            switch: Any = getattr(optimizer, mode)
            switch()


@contextmanager
def evaluation_weights(optimizer: Optimizer) -> Iterator[None]:
    """Have the weights that are to be evaluated in place inside the block, and after it those from before, to the bit.

    Going there and back by the optimizer's own arithmetic would round them.
    """
    if not has_modes(optimizer) or not all(group.get("train_mode", True) for group in optimizer.param_groups):
        yield
        return
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    before = [parameter.detach().clone() for parameter in parameters]
    set_mode(optimizer, "eval")
    try:
        yield
    finally:
        set_mode(optimizer, "train")
        with torch.no_grad():
            torch._foreach_copy_(parameters, before)
