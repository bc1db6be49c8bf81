"""The forward pass that suits a network, found by trying."""

import torch
from torch import Tensor, nn

from lossatlas.landscape.engine import Engine
from lossatlas.landscape.forward.fused import Fused
from lossatlas.landscape.forward.graphs import replayed
from lossatlas.landscape.forward.plain import Forward, Plain, widened
from lossatlas.landscape.forward.tracing import UntraceableError
from lossatlas.seeds import generator
from lossatlas.weight_space import Weights

_TRIED = 16  # examples
_TOLERANCE = 1e-4  # of the largest output: rounding stays far below, anything else is far above
_REDUCED = {"float32": None, "tf32": None, "bfloat16": torch.bfloat16}


@torch.no_grad()  # and not in inference mode, whose tensors could not be used outside of it
def fitting_forward(model: nn.Module, weights: Weights, inputs: Tensor, engine: Engine) -> Forward:
    """The fastest forward pass of ``model`` that ``engine`` allows and that gives what the network gives.

    ``inputs`` is a batch to try it on. ``weights``, those that the network computes with, are as before afterwards.
    """
    reduced = _REDUCED[engine.precision]
    fused = _fused(model, weights, inputs[:_TRIED], reduced) if engine.fuse else None
    forward = fused or Plain(model, reduced)
    forward.refresh()
    return replayed(forward, inputs)


def _fused(model: nn.Module, weights: Weights, inputs: Tensor, reduced: torch.dtype | None) -> Fused | None:
    try:
        exact = Fused(model, inputs)
        if not _agree(exact, model, weights, inputs):
            return None
        if reduced is None:
            return exact
        coarse = Fused(model, inputs, reduced)
        coarse.refresh()
        coarse(inputs)  # fails where an operation of the network cannot mix precisions
    except (UntraceableError, RuntimeError, TypeError, ValueError):
        return None
    return coarse


def _agree(fused: Fused, model: nn.Module, weights: Weights, inputs: Tensor) -> bool:
    """Whether both give the same at the present weights and at others, for batches of two sizes.

    Other weights tell a network that computes something from them which tracing took for a constant.
    """
    tensors = [tensor for tensor in weights.values() if tensor.is_floating_point()]
    before = [tensor.clone() for tensor in tensors]
    rng = generator(0, "other weights to try")
    try:
        if not _agree_here(fused, model, inputs):
            return False
        for tensor in tensors:
            factors = torch.empty(tensor.shape).uniform_(0.9, 1.1, generator=rng)
            tensor.mul_(factors.to(tensor.device, tensor.dtype))
        return _agree_here(fused, model, inputs)
    finally:
        torch._foreach_copy_(tensors, before)


def _agree_here(fused: Fused, model: nn.Module, inputs: Tensor) -> bool:
    fused.refresh()
    return all(
        _close(fused(batch), widened(model(batch))) for batch in (inputs, inputs[: len(inputs) // 2 + 1])
    )


def _close(outputs: Tensor, expected: Tensor) -> bool:
    finite = expected[expected.isfinite()]
    scale = float(finite.abs().max()) if finite.numel() else 0.0
    return outputs.shape == expected.shape and torch.allclose(
        outputs, expected, rtol=_TOLERANCE, atol=_TOLERANCE * scale, equal_nan=True
    )
