"""Differentiation of a network by its weights, which are refused where torch takes one of them for a constant."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.func import functional_call
from torch.utils import checkpoint

from lossatlas.landscape.forward import widened
from lossatlas.landscape.measuring.prepared import PreparedProblem
from lossatlas.seeds import generator
from lossatlas.weight_space import Weights

_TRIED = 16  # examples
_MOVED = (
    1e-2  # of the size of a weight: far enough to show, near enough to change no decision of most examples
)
_SAME = 1e-6  # of the largest output: what rounding may explain

T = TypeVar("T")


class _Uncheckpointed:
    """What stands for a reentrant checkpoint: the function itself."""

    @staticmethod
    def apply(function: Callable[..., Any], preserve: bool, *inputs: Any) -> Any:
        return function(*inputs)


_STAND_INS = {"CheckpointFunction": _Uncheckpointed, "_checkpoint_hook": lambda frame: nullcontext()}


@contextmanager
def differentiable() -> Iterator[None]:
    """Have torch record gradients in the block, and its activation checkpoints keep what they would compute anew.

    A reentrant checkpoint (torch's default) has no derivative by the weights of its block where no input has one, and
    none twice; one of the other kind would be computed anew with the network's own tensors.

    >>> layer = torch.nn.Linear(1, 1)
    >>> with differentiable():
    ...     checkpoint.checkpoint(layer, torch.ones(1), use_reentrant=True).requires_grad
    True
    """
    with ExitStack() as stack:
        stack.enter_context(torch.enable_grad())
        for name in _STAND_INS.keys() & vars(checkpoint).keys():
            stack.callback(setattr, checkpoint, name, getattr(checkpoint, name))
            setattr(checkpoint, name, _STAND_INS[name])
        yield


def outputs_of(ready: PreparedProblem, leaves: Weights, inputs: Tensor) -> Tensor:
    """Outputs of the network with ``leaves`` as its parameters, `widened`; a graph where `differentiable`."""
    return widened(functional_call(ready.model, leaves, (inputs,)))


def check_gradient(ready: PreparedProblem, split: str, names: Sequence[str] | None = None) -> None:
    """Raise ValueError unless torch knows the derivative of the outputs by each parameter, or each of ``names``.

    It does not where the network uses one of them under ``torch.no_grad`` or detached: that would count as flat.
    Tried on a few examples of ``split`` by moving those of which torch has no derivative.
    """
    inputs = ready.batches[split][0][0][:_TRIED]
    own = {name: ready.weights[name].detach() for name, _ in ready.model.named_parameters()}
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in own.items()}
    with differentiable():
        outputs = without_traceback(ready, lambda: outputs_of(ready, leaves, inputs))
    flat = _without_derivative(outputs, {name: leaves[name] for name in names or leaves})
    if not flat:
        return
    with torch.no_grad():
        before = outputs_of(ready, {name: tensor.clone() for name, tensor in own.items()}, inputs)
        for name in flat:
            elsewhere = {**{other: tensor.clone() for other, tensor in own.items()}, name: moved(own[name])}
            if _change(before, outputs_of(ready, elsewhere, inputs)):
                raise ValueError(
                    f"the outputs of {type(ready.model).__name__} change with its parameter {name!r}, but torch has "
                    "no derivative by it: the network uses it detached, or under torch.no_grad"
                )


def _without_derivative(outputs: Tensor, leaves: Weights) -> list[str]:
    if not outputs.requires_grad:
        return list(leaves)
    found = torch.autograd.grad(outputs.sum(), list(leaves.values()), allow_unused=True)
    return [name for name, part in zip(leaves, found, strict=True) if part is None]


def moved(tensor: Tensor) -> Tensor:
    """``tensor`` at a hundredth of its size from where it is, in a direction that depends on its shape alone.

    >>> bool((moved(torch.ones(3)) - 1).abs().max() < 0.05)
    True
    """
    drawn = torch.randn(tensor.shape, generator=generator(0, "moved parameter"), dtype=torch.float64)
    size = tensor.double().square().mean().sqrt().nan_to_num() + _MOVED
    return tensor + (_MOVED * size * drawn.to(tensor.device)).to(tensor.dtype)


def _change(before: Tensor, after: Tensor) -> bool:
    """Whether most examples have other outputs; a few may have where a decision is made by a parameter."""
    scale = float(before.abs().nan_to_num(posinf=0.0).max())
    differs = ((after - before).abs() > _SAME * scale).reshape(len(before), -1).any(1)
    return bool(differs.double().mean() > 0.5)


def check_width(ready: PreparedProblem, what: str) -> None:
    """Raise ValueError, for a survey of ``what``, if a parameter is in half precision: they would be its rounding.

    >>> from lossatlas.landscape.measuring.prepared import prepared
    >>> from lossatlas.landscape.problem import Problem
    >>> data = {"train": (torch.ones(1, 1).bfloat16(), torch.ones(1, 1))}
    >>> with prepared(Problem(torch.nn.Linear(1, 1).bfloat16(), torch.nn.MSELoss(), data)) as ready:
    ...     check_width(ready, "second derivatives")
    Traceback (most recent call last):
    ValueError: second derivatives need weights in float32 or float64, got 'weight' in bfloat16: call float() on the \
network and its inputs
    """
    for name, parameter in ready.model.named_parameters():
        if parameter.dtype.itemsize < 4:
            dtype = str(parameter.dtype).removeprefix("torch.")
            raise ValueError(
                f"{what} need weights in float32 or float64, got {name!r} in {dtype}: call float() on the network "
                "and its inputs"
            )


def without_traceback(ready: PreparedProblem, action: Callable[[], T]) -> T:
    """Result of ``action``; torch's error, where it cannot differentiate, is a ValueError in one line."""
    try:
        return action()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        said = str(error).strip().partition("\n")[0]
        raise ValueError(f"torch cannot differentiate {type(ready.model).__name__}: {said}") from error
