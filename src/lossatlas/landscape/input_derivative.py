"""The derivative of a network's outputs by its inputs."""

from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def derivative_shape(model: nn.Module, inputs: Tensor) -> tuple[int, int]:
    """Numbers of outputs and of entries of an input, for one example of ``inputs``, (B, ...).

    >>> derivative_shape(nn.Conv2d(1, 2, 3), torch.zeros(5, 1, 4, 4))
    (8, 16)
    """
    with torch.inference_mode():
        outputs = model(inputs[:1])
    return prod(outputs.shape[1:]), prod(inputs.shape[1:])


def singular_values(model: nn.Module, inputs: Tensor) -> NDArray[np.float64]:
    """Singular values of the derivative of each output by its input, descending: (B, min(derivative_shape)).

    ``inputs``: (B, ...). The model must not mix the examples of a batch: an output summed over the batch then
    has, as its derivative by one example, that example's own. NaN where a derivative is not finite.

    >>> singular_values(nn.Linear(3, 1), torch.zeros(4, 3)).shape
    (4, 1)
    """
    leaf = inputs.detach().requires_grad_()
    with torch.enable_grad():
        outputs = model(leaf).reshape(len(leaf), -1)  # (B, C)
        rows = [
            torch.autograd.grad(over_batch, leaf, retain_graph=True, materialize_grads=True)[0]
            for over_batch in outputs.sum(0)
        ]
    matrices = torch.stack([row.reshape(len(leaf), -1) for row in rows], dim=1).cpu().double()  # (B, C, d)
    finite = matrices.isfinite().all(-1).all(-1)
    values = torch.full((len(leaf), min(matrices.shape[1:])), torch.nan, dtype=matrices.dtype)
    values[finite] = torch.linalg.svdvals(matrices[finite])
    return values.numpy()
