"""Operator fusion: finds in a network's graph what can be computed in one go, and replaces it by layers that do."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from lossatlas.landscape.forward.folding import paired
from lossatlas.layers import FOLDABLE

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)

_ADDITIONS = {operator.add, operator.iadd, torch.add}

_RECTIFIERS: set[Callable[..., Tensor]] = {functional.relu, torch.relu, torch.relu_, functional.relu_}


class Layer(nn.Module):
    """A convolution or linear layer, with the batch norm, the addition and the ReLU that follow it.

    The last two are done in place. cuDNN and oneDNN could do them within the convolution, but turn NaN into
    zero there, and on a CPU gain nothing in float32.
    """

    def __init__(self, module: Any, source: Any, relu: bool) -> None:
        super().__init__()
        self.source = source  # whose weight and bias it has, if need be in another dtype
        self.operation: Callable[..., Tensor] = linear if type(module) is nn.Linear else module._conv_forward
        self._relu = relu
        self.weight: Tensor
        self.bias: Tensor | None

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """Outputs for ``x``; ``other`` is what is added before the ReLU."""
        outputs = self.operation(x, self.weight, self.bias)
        if other is not None:
            outputs.add_(other)
        return outputs.relu_() if self._relu else outputs

    __call__ = forward  # without a module's hooks, of which there are none


@dataclass
class _Chain:
    """Nodes that follow each other, each the only user of the one before."""

    nodes: list[fx.Node]
    norm: nn.Module | None = None
    other: fx.Node | None = None
    relu: bool = False

    @property
    def last(self) -> fx.Node:
        return self.nodes[-1]


def fuse(whole: fx.GraphModule, shapes: dict[fx.Node, torch.Size]) -> list[Layer]:
    """Replace chains of nodes in ``whole`` by layers, and return these; ``shapes`` are those of the nodes' values."""
    layers: list[Layer] = []
    for node in list(whole.graph.nodes):
        if (chain := _chain_from(node, whole, shapes)) is None:
            continue
        module = whole.get_submodule(str(node.target))
        source = module if chain.norm is None else paired(module, chain.norm)
        layer = Layer(module, source, chain.relu)
        name = f"fused_{len(layers)}"
        whole.add_submodule(name, layer)
        others = () if chain.other is None else (chain.other,)
        with whole.graph.inserting_before(chain.last):
            new = whole.graph.call_module(name, (*node.args, *others))
        shapes[new] = shapes[chain.last]
        chain.last.replace_all_uses_with(new)
        for fused in reversed(chain.nodes):
            whole.graph.erase_node(fused)
        layers.append(layer)
    whole.recompile()
    return layers


def _chain_from(node: fx.Node, whole: fx.GraphModule, shapes: dict[fx.Node, torch.Size]) -> _Chain | None:
    module = _module(node, whole)
    if (
        type(module) not in (*_CONVOLUTIONS, nn.Linear)
        or len(node.args) != 1
        or node.kwargs
        or node not in shapes
    ):
        return None
    chain = _Chain([node])
    if (user := _only_user(chain.last)) and _folds(module, _module(user, whole), shapes[node]):
        chain.norm = _module(user, whole)
        chain.nodes.append(user)
    if type(module) in _CONVOLUTIONS and (user := _only_user(chain.last)):
        other = _added(user, chain.last)
        if other is not None and shapes.get(other) == shapes[node]:
            chain.other = other
            chain.nodes.append(user)
    if (user := _only_user(chain.last)) and _is_relu(user, whole):
        chain.relu = True
        chain.nodes.append(user)
    return chain


def _module(node: fx.Node, whole: fx.GraphModule) -> nn.Module | None:
    return whole.get_submodule(str(node.target)) if node.op == "call_module" else None


def _only_user(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _folds(layer: nn.Module | None, norm: nn.Module | None, shape: torch.Size) -> bool:
    """Whether ``norm`` scales what are the output channels of ``layer``, by statistics of its own."""
    if type(norm) not in FOLDABLE or norm.training or norm.running_var is None:  # type: ignore[union-attr]
        return False
    return type(layer) in _CONVOLUTIONS or len(shape) == 2


def _added(node: fx.Node, value: fx.Node) -> fx.Node | None:
    """What ``node`` adds to ``value`` and nothing else, without changing it."""
    if node.op != "call_function" or node.target not in _ADDITIONS or len(node.args) != 2 or node.kwargs:
        return None
    first, second = node.args
    if second is value and node.target is not operator.iadd:
        first, second = second, first
    return second if first is value and isinstance(second, fx.Node) and second is not value else None


def _is_relu(node: fx.Node, whole: fx.GraphModule) -> bool:
    if node.op == "call_method":
        return node.target in ("relu", "relu_")
    return type(_module(node, whole)) is nn.ReLU or (
        node.op == "call_function" and node.target in _RECTIFIERS
    )


_LARGE = 2**19  # multiplications; below, oneDNN's preparations take longer than it saves


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x W' + b, (..., outputs), as torch.nn.functional.linear does.

    On a CPU torch takes MKL for it, which for large products oneDNN outruns by up to two times.

    >>> linear(torch.ones(1, 2), torch.tensor([[1.0, 2.0]]), None)
    tensor([[3.]])
    """
    on_cpu = x.device.type == "cpu" and x.dtype == weight.dtype
    if on_cpu and x.numel() * len(weight) >= _LARGE and _onednn_takes(x.dtype):
        return torch.ops.mkldnn._linear_pointwise.default(x, weight, bias, "none", [], "")
    return functional.linear(x, weight, bias)


def _onednn_takes(dtype: torch.dtype) -> bool:
    """Whether oneDNN has a product of ``dtype`` on this processor: that of bfloat16 needs AVX-512 or the like."""
    if not torch.backends.mkldnn.is_available():
        return False
    return dtype is torch.float32 or (
        dtype is torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
