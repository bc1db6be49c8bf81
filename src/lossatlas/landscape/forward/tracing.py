"""Symbolic tracing: a network as a graph of operations."""

import sys
from typing import Any

import torch
from torch import Tensor, fx, nn

from lossatlas.layers import OURS


class UntraceableError(Exception):
    """The network is no graph of operations that is the same for all inputs and weights."""


_ABSENT = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class _Tracer(fx.Tracer):
    proxy_buffer_attributes = True  # else what is computed from a buffer would become a constant

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        ours = isinstance(m, OURS) or _is_stochastic_depth(m)
        return ours or super().is_leaf_module(m, module_qualified_name)


def _is_stochastic_depth(module: nn.Module) -> bool:
    """Whether it is torchvision's, which is not imported for it: whoever has made one has done so."""
    theirs = sys.modules.get("torchvision.ops.stochastic_depth")
    return theirs is not None and isinstance(module, theirs.StochasticDepth)


def traced(model: nn.Module) -> fx.GraphModule:
    """The graph of ``model`` in evaluation mode; it computes with the parameters of ``model`` itself.

    Modules of torch.nn, and normalisations of ours, are its nodes; those without effect in evaluation mode are left
    out. UntraceableError if operations depend on values or sizes of tensors, or a module has hooks, or the network a
    forward pass in place of that of its class, which is the one that is traced.
    """
    if "forward" in vars(model):
        raise UntraceableError("the forward pass is not that of the class")
    if any(getattr(module, hooks) for module in model.modules() for hooks in _HOOKS):
        raise UntraceableError("a module has hooks")
    try:
        graph = _Tracer().trace(model)
    except Exception as error:  # whatever a module does with what stands in for a tensor
        raise UntraceableError(str(error)) from error
    whole = fx.GraphModule(model, graph)
    for node in list(graph.nodes):
        if node.op == "call_module" and _is_absent(whole.get_submodule(node.target)):
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
    return whole


def _is_absent(module: nn.Module) -> bool:
    return type(module) in _ABSENT or _is_stochastic_depth(module)


class Shapes(fx.Interpreter):
    """Runs a graph and keeps the shape of each node's value, where it is a tensor.

    >>> with torch.inference_mode():
    ...     shapes = Shapes.of(traced(nn.Sequential(nn.Linear(3, 2))), torch.ones(5, 3))
    >>> [tuple(shape) for shape in shapes.values()]
    [(5, 3), (5, 2), (5, 2)]
    """

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.found: dict[fx.Node, torch.Size] = {}

    @classmethod
    def of(cls, graph: fx.GraphModule, inputs: Tensor) -> dict[fx.Node, torch.Size]:
        """Shapes of the nodes for ``inputs``."""
        interpreter = cls(graph)
        interpreter.run(inputs)
        return interpreter.found

    def run_node(self, n: fx.Node) -> Any:
        """Value of a node."""
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self.found[n] = value.shape
        return value
