"""Trials of second derivatives: whether those of backward passes that somebody wrote are right."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction

from lossatlas.landscape.measuring.differentiating import moved
from lossatlas.landscape.measuring.isolation import weights_of_its_own
from lossatlas.landscape.measuring.prepared import PreparedProblem
from lossatlas.seeds import generator
from lossatlas.weight_space import Weights

_FINE = (
    1e-8,
    1e-3,
)  # a step, of the size of a weight, and the relative difference that two ways to differentiate may have
_COARSE = (1e-3, 1e-2)
_SINGLE = (1e-3, 0.1)  # of weights in float32
_LEAST = 1e-2  # by how much a tensor of zeros moves
_TRIED = 16  # examples

T = TypeVar("T")

Both = tuple[float, float, float]
"""A derivative by torch, the same by a difference, and a number of the size of what was differenced."""


def custom_functions(outputs: Tensor) -> list[str]:
    """Names of the `torch.autograd.Function`s in the graph of ``outputs``, whose backward passes somebody wrote.

    >>> custom_functions(torch.ones(1, requires_grad=True) * 2)
    []
    """
    seen: set[Any] = set()
    names: dict[str, None] = {}
    waiting = [outputs.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, BackwardCFunction):
            names[type(node).__name__.removesuffix("Backward")] = None
        waiting.extend(following for following, _ in node.next_functions)
    return list(names)


def agree_along(
    ready: PreparedProblem,
    split: str,
    names: Sequence[str],
    both: Callable[[PreparedProblem, Weights, float], Both],
) -> bool:
    """Whether ``both`` ways to differentiate agree on a few examples of ``split``, along a random direction.

    ``both`` gets those examples as a problem, the direction by ``names`` and the step of a difference. They are in
    float64, in which a step is so short that no unit crosses a kink. A network that computes in less within, as RMS
    norms do in float32, shows nothing at such a step: it is tried at a longer one as well, and one that cannot be in
    float64 in its own dtype.
    """
    trials = [(torch.float64, *_FINE), (torch.float64, *_COARSE)]
    if ready.dtype is torch.float32:
        trials.append((torch.float32, *_SINGLE))
    disagreed = False
    for dtype, step, allowed in trials:
        if disagreed and dtype is not torch.float64:
            break
        try:
            with _trial(ready, split, dtype) as few:
                along = _direction({name: few.weights[name] for name in names})
                found, expected, scale = both(few, along, step)
        except (RuntimeError, TypeError):
            if dtype is ready.dtype:
                raise
            continue
        largest = max(abs(found), abs(expected))
        if abs(found - expected) <= allowed * (largest + 1e-2 * abs(scale)):
            return True
        disagreed = True
    return not disagreed


def moved_along(few: PreparedProblem, along: Weights, step: float, action: Callable[[], T]) -> tuple[T, T]:
    """What ``action`` gives a ``step`` ahead ``along`` a direction, and a step back."""
    centre = {name: few.weights[name].clone() for name in along}
    ends = []
    for signed in (step, -step):
        for name, tensor in along.items():
            few.weights[name].copy_(centre[name] + signed * tensor)
        ends.append(action())
    for name, tensor in centre.items():
        few.weights[name].copy_(tensor)
    return ends[0], ends[1]


def _direction(weights: Weights) -> Weights:
    rng = generator(0, "direction of a trial")
    direction = {}
    for name, tensor in weights.items():
        drawn = torch.randn(tensor.shape, generator=rng, dtype=torch.float64).to(tensor)
        direction[name] = drawn * (tensor.square().mean().sqrt() + _LEAST)
    return direction


@contextmanager
def _trial(ready: PreparedProblem, split: str, dtype: torch.dtype) -> Iterator[PreparedProblem]:
    """A few examples of ``split`` as a problem of their own in ``dtype``, at weights a little off the present ones.

    Off them no unit is exactly at a kink, as those with inputs and biases of zero are.
    """
    inputs, targets = (
        tensor[:_TRIED].to(dtype) if tensor.is_floating_point() else tensor[:_TRIED]
        for tensor in ready.batches[split][0]
    )
    with weights_of_its_own(ready.model, torch.preserve_format, dtype) as weights:
        for name, _ in ready.model.named_parameters():
            weights[name].copy_(moved(weights[name]))
        yield replace(ready, weights=weights, batches={split: [(inputs, targets)]})
