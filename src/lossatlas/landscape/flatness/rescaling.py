"""Rescaled networks that compute the same function, from weights of another scale."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from lossatlas.choices import chosen
from lossatlas.landscape.forward.tracing import UntraceableError, traced
from lossatlas.landscape.measuring.isolation import evaluation_mode
from lossatlas.layers import FOLDABLE
from lossatlas.weight_space import Weights, state

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_POOLINGS = ("MaxPool", "AvgPool", "AdaptiveMaxPool", "AdaptiveAvgPool")
_HOMOGENEOUS_MODULES = (
    *(nn.ReLU, nn.LeakyReLU, nn.Flatten, nn.Unflatten, nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d),
    *(getattr(nn, f"{pooling}{n}d") for pooling in _POOLINGS for n in (1, 2, 3)),
)
_HOMOGENEOUS_FUNCTIONS: set[Callable[..., Any]] = {
    *(torch.relu, torch.relu_, torch.flatten, torch.reshape, torch.mean),
    *(functional.relu, functional.relu_, functional.leaky_relu, functional.dropout),
    *(functional.max_pool1d, functional.max_pool2d, functional.max_pool3d),
    *(functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d),
    *(functional.adaptive_max_pool1d, functional.adaptive_max_pool2d, functional.adaptive_max_pool3d),
    *(functional.adaptive_avg_pool1d, functional.adaptive_avg_pool2d, functional.adaptive_avg_pool3d),
}
_HOMOGENEOUS_METHODS = ("relu", "relu_", "flatten", "view", "reshape", "mean", "contiguous")
_OF_SHAPES = ("size", "dim")  # methods whose result does not depend on the values


@dataclass(frozen=True)
class Place:
    """A layer whose outputs may have any scale, since what follows undoes it; modules by their names."""

    layer: str
    norms: tuple[str, ...]  # batch norms that its outputs reach
    layers: tuple[str, ...]  # layers that its outputs reach


def places(model: nn.Module) -> list[Place]:
    """The layers of ``model`` whose scale is free, in the order in which they compute.

    These are the convolutions and linear layers whose outputs reach nothing but batch norms with statistics of their
    own, or further layers, by way of what is positively homogeneous: ReLU, pooling, flattening, dropout. A module
    that is used twice, or shares a parameter, is none of them.

    Parameters
    ----------
    model : nn.Module
        The network, which is not changed.

    Returns
    -------
    list of Place
        Each layer, and the batch norms and layers that its outputs reach, by their names.

    Raises
    ------
    ValueError
        If the model cannot be traced, since its operations depend on values, or if it has no such layer.

    Examples
    --------
    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(2, 2))
    >>> places(network)
    [Place(layer='0', norms=('1',), layers=())]
    """
    name = type(model).__name__
    try:
        with evaluation_mode(model):
            graph = traced(model)
    except UntraceableError as error:
        raise ValueError(
            f"{name} is no fixed graph of operations, so its scales are unknown: {error}"
        ) from error
    found = _Search(graph, model).places()
    if not found:
        raise ValueError(
            f"{name} has no layer whose scale is undone by what follows: expected a convolution or linear layer "
            "followed, by way of ReLU or pooling at most, by batch norm or another layer"
        )
    return found


_CHOICES: dict[str, Callable[[Sequence[Place]], Sequence[Place]]] = {
    "first": lambda found: found[:1],
    "all": lambda found: found,
}


def rescaled(model: nn.Module, factor: float, *, layers: str = "first") -> Weights:
    """Rescaled parameters and statistics with which ``model`` computes, in evaluation mode, what it does with its own.

    The weights and the bias of a layer are multiplied by ``factor`` = c. Where batch norm follows, its running mean
    is multiplied by c, and its running variance v becomes c^2 (v + eps) - eps, which takes its eps into account.
    Where that would be negative it is zero, and the weight of the batch norm makes up for the rest. Where another
    layer follows, its weights are divided by c: (W1, b1, W2) -> (c W1, c b1, W2 / c).

    Parameters
    ----------
    model : nn.Module
        The network, which is not changed.
    factor : float
        c, finite and > 0.
    layers : {"first", "all"}, default "first"
        Which of the layers whose scale is free (`places`).

    Returns
    -------
    dict
        Tensors by name. Computed in float64, so the outputs agree to the rounding of the weights, about 1e-6 of them
        in float32 for c from 1e-3 to 1e3.

    Raises
    ------
    ValueError
        For a value out of its range, as `places` raises it, and where a batch norm without a weight would need one.

    References
    ----------
    Dinh et al. 2017, arXiv:1703.04933, definition 3, T_c.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> twin = rescaled(network, 10.0)
    >>> [round((twin[name] / network.get_parameter(name)).mean().item(), 5) for name in ("0.weight", "2.weight")]
    [10.0, 0.1]
    """
    if not (isfinite(factor) and factor > 0):
        raise ValueError(f"a factor must be finite and > 0, got {factor}")
    wanted = chosen("layers", layers, _CHOICES)(places(model))
    original = state(model)
    weights = {name: tensor.double() for name, tensor in original.items()}
    for place in wanted:
        _scale(weights, place.layer, ("weight", "bias"), factor)
        for norm in place.norms:
            _scale(weights, norm, ("running_mean",), factor)
            _rescale_variance(weights, norm, model.get_submodule(norm).eps, factor)  # type: ignore[arg-type]
        for layer in place.layers:
            _scale(weights, layer, ("weight",), 1 / factor)
    return {name: tensor.to(original[name].dtype) for name, tensor in weights.items()}


def _scale(weights: Weights, module: str, names: Sequence[str], factor: float) -> None:
    for name in names:
        if (full := f"{module}.{name}") in weights:
            weights[full] *= factor


def _rescale_variance(weights: Weights, norm: str, eps: float, factor: float) -> None:
    """Multiply variance + eps by the square of ``factor``, as far as the variance stays positive."""
    variance = weights[f"{norm}.running_var"]
    wanted = factor**2 * (variance + eps)
    torch.sub(wanted, eps, out=variance).clamp_(min=0.0)
    missing = torch.sqrt((variance + eps) / wanted)
    if f"{norm}.weight" in weights:
        weights[f"{norm}.weight"] *= missing
    elif (missing > 1).any():
        raise ValueError(
            f"factor {factor} takes the variances of {norm!r} below its eps of {eps}, and it has no weight that "
            "could make up for it"
        )


class _Search:
    """Looks for `places` in a graph."""

    def __init__(self, graph: fx.GraphModule, model: nn.Module) -> None:
        self._graph = graph
        self._calls = Counter(str(node.target) for node in graph.graph.nodes if node.op == "call_module")
        every = model.named_parameters(remove_duplicate=False)
        self._owners = Counter(id(parameter) for _, parameter in every)

    def places(self) -> list[Place]:
        found = []
        for node in self._graph.graph.nodes:
            if self._is_own(node, _LAYERS) and (ends := self._ends(node)):
                norms = tuple(str(end.target) for end in ends if self._is_own(end, FOLDABLE))
                layers = tuple(str(end.target) for end in ends if self._is_own(end, _LAYERS))
                found.append(Place(str(node.target), norms, layers))
        return found

    def _ends(self, node: fx.Node) -> list[fx.Node] | None:
        """Norms and layers that all of what ``node`` gives reaches; None if some of it reaches something else."""
        ends: list[fx.Node] = []
        for user in node.users:
            if self._is_own(user, FOLDABLE) or self._is_own(user, _LAYERS):
                ends.append(user)
            elif self._is_homogeneous(user):
                if (further := self._ends(user)) is None:
                    return None
                ends += further
            elif not (user.op == "call_method" and user.target in _OF_SHAPES):
                return None
        return ends or None

    def _is_own(self, node: fx.Node, kinds: tuple[type[nn.Module], ...]) -> bool:
        """Whether ``node`` is a module of these kinds whose tensors serve no other purpose."""
        module = self._module(node)
        return (
            type(module) in kinds
            and self._calls[str(node.target)] == 1
            and all(self._owners[id(parameter)] == 1 for parameter in module.parameters())  # type: ignore[union-attr]
            and getattr(module, "running_var", 0) is not None  # else the batch's own variance counts
        )

    def _is_homogeneous(self, node: fx.Node) -> bool:
        if node.op == "call_method":
            return node.target in _HOMOGENEOUS_METHODS
        if node.op == "call_function":
            return node.target in _HOMOGENEOUS_FUNCTIONS
        return type(self._module(node)) in _HOMOGENEOUS_MODULES

    def _module(self, node: fx.Node) -> nn.Module | None:
        return self._graph.get_submodule(str(node.target)) if node.op == "call_module" else None
