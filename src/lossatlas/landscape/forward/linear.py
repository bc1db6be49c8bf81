"""A linear layer by the faster of two libraries."""

import torch
from torch import Tensor
from torch.nn import functional

_LARGE = 2**19  # multiplications; below, oneDNN's preparations take longer than it saves
_ONEDNN = (torch.float32, torch.bfloat16)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x W' + b, (..., outputs), as torch.nn.functional.linear does.

    On a CPU torch takes MKL for it, which for large products oneDNN outruns by up to two times.

    >>> linear(torch.ones(1, 2), torch.tensor([[1.0, 2.0]]), None)
    tensor([[3.]])
    """
    on_cpu = x.device.type == "cpu" and x.dtype == weight.dtype and x.dtype in _ONEDNN
    if on_cpu and x.numel() * len(weight) >= _LARGE and torch.backends.mkldnn.is_available():
        return torch.ops.mkldnn._linear_pointwise.default(x, weight, bias, "none", [], "")
    return functional.linear(x, weight, bias)
