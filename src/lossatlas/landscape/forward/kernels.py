"""A convolution or a linear layer with what follows it, in as few passes over memory as the device allows."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Kernel = Callable[[Tensor, Tensor, Tensor | None, Tensor | None, bool], Tensor]
"""From inputs, weight, bias, a tensor to add and whether a ReLU follows to the layer's outputs."""

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
LAYERS = (*CONVOLUTIONS, nn.Linear)


def plain_convolution(module: Any) -> Kernel:
    """The convolution ``module``, what is added and the ReLU as operations of their own, in place."""

    def kernel(x: Tensor, weight: Tensor, bias: Tensor | None, other: Tensor | None, relu: bool) -> Tensor:
        return _finish(module._conv_forward(x, weight, bias), other, relu)

    return kernel


def plain_linear(module: Any) -> Kernel:
    """A linear layer by torch's own product."""

    def kernel(x: Tensor, weight: Tensor, bias: Tensor | None, other: Tensor | None, relu: bool) -> Tensor:
        return _finish(functional.linear(x, weight, bias), other, relu)

    return kernel


def onednn_convolution(module: Any) -> Kernel:
    """A 2-D convolution by oneDNN, which adds and rectifies what is still in the registers."""
    if type(module) is not nn.Conv2d or module.padding_mode != "zeros" or isinstance(module.padding, str):
        return plain_convolution(module)
    sizes = [list(module.padding), list(module.stride), list(module.dilation), module.groups]
    alone = torch.ops.mkldnn._convolution_pointwise.default
    with_other = torch.ops.mkldnn._convolution_pointwise.binary

    def kernel(x: Tensor, weight: Tensor, bias: Tensor | None, other: Tensor | None, relu: bool) -> Tensor:
        if other is None:
            return alone(x, weight, bias, *sizes, "relu" if relu else "none", [], "")
        return with_other(
            x, other, weight, bias, *sizes, "add", 1.0, "relu" if relu else None, [], ""
        )

    return kernel


def onednn_linear(module: Any) -> Kernel:
    """A linear layer by oneDNN: on small matrices up to twice as fast as torch's choice, MKL."""
    product = torch.ops.mkldnn._linear_pointwise.default

    def kernel(x: Tensor, weight: Tensor, bias: Tensor | None, other: Tensor | None, relu: bool) -> Tensor:
        return _finish(product(x, weight, bias, "none", [], ""), other, relu)

    return kernel


def cudnn_convolution(module: Any) -> Kernel:
    """A 2-D convolution by cuDNN with what is added and the ReLU in one kernel, where a ReLU follows."""
    plain = plain_convolution(module)
    if type(module) is not nn.Conv2d or module.padding_mode != "zeros" or isinstance(module.padding, str):
        return plain
    sizes = [list(module.stride), list(module.padding), list(module.dilation), module.groups]

    def kernel(x: Tensor, weight: Tensor, bias: Tensor | None, other: Tensor | None, relu: bool) -> Tensor:
        if not relu:
            return plain(x, weight, bias, other, relu)
        if other is None:
            return torch.cudnn_convolution_relu(x, weight, bias, *sizes)
        return torch.cudnn_convolution_add_relu(x, weight, other, 1.0, bias, *sizes)

    return kernel


def _finish(outputs: Tensor, other: Tensor | None, relu: bool) -> Tensor:
    if other is not None:
        outputs.add_(other)
    return outputs.relu_() if relu else outputs


Makers = Mapping[type[nn.Module], Callable[[Any], Kernel]]

PLAIN: Makers = {**dict.fromkeys(CONVOLUTIONS, plain_convolution), nn.Linear: plain_linear}
_ONEDNN: Makers = {**PLAIN, nn.Conv2d: onednn_convolution, nn.Linear: onednn_linear}
_CUDNN: Makers = {**PLAIN, nn.Conv2d: cudnn_convolution}

FAST: Mapping[tuple[str, torch.dtype], Makers] = {
    ("cpu", torch.float32): _ONEDNN,
    ("cpu", torch.bfloat16): _ONEDNN,
    ("cuda", torch.float32): _CUDNN,
    ("cuda", torch.bfloat16): _CUDNN,
}
"""What is faster than `PLAIN`, by device and dtype. It turns NaN into zero where a ReLU follows."""
