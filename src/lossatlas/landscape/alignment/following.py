"""Propagation of permutable units through a graph of operations, to all tensors in which they lie."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import fx, nn
from torch.nn import functional
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import _SpectralNorm, _WeightNorm

from lossatlas.deconvolution import DeconvolvedConv2d, DeconvolvedLinear
from lossatlas.layers import FOLDABLE
from lossatlas.normalizations import ChannelBias, RMSNorm, Unnormalized, WeightStandardization

_Units = NDArray[np.int64]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS: dict[type[nn.Module], Callable[[Any], int]] = {
    # each channel by itself, or all together: the kind, and from a layer to its channels
    **dict.fromkeys(FOLDABLE, lambda norm: norm.num_features),
    **dict.fromkeys(
        (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d), lambda norm: norm.num_features
    ),
    nn.GroupNorm: lambda norm: norm.num_channels,
    RMSNorm: lambda norm: norm.normalized_shape[0],
    ChannelBias: lambda norm: len(norm.bias),
}
_SPATIAL = (
    *(
        getattr(nn, f"{kind}Pool{n}d")
        for kind in ("Max", "Avg", "AdaptiveMax", "AdaptiveAvg")
        for n in (1, 2, 3)
    ),
    *(nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d, nn.Upsample),
)
_ENTRYWISE = (
    *(
        nn.ReLU,
        nn.ReLU6,
        nn.LeakyReLU,
        nn.ELU,
        nn.SELU,
        nn.CELU,
        nn.GELU,
        nn.SiLU,
        nn.Mish,
        nn.Tanh,
        nn.Sigmoid,
    ),
    *(nn.Softplus, nn.Softsign, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Identity),
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, Unnormalized),
)
_ENTRYWISE_FUNCTIONS: set[Callable[..., Any]] = {
    *(torch.relu, torch.relu_, torch.tanh, torch.sigmoid, torch.square, torch.abs, operator.neg, torch.clamp),
    *(
        functional.relu,
        functional.relu_,
        functional.relu6,
        functional.leaky_relu,
        functional.elu,
        functional.selu,
    ),
    *(
        functional.gelu,
        functional.silu,
        functional.mish,
        functional.tanh,
        functional.sigmoid,
        functional.softplus,
    ),
    *(functional.hardtanh, functional.hardswish, functional.dropout, functional.dropout2d),
}
_SPATIAL_FUNCTIONS: set[Callable[..., Any]] = {
    getattr(functional, f"{kind}_pool{n}d")
    for kind in ("max", "avg", "adaptive_max", "adaptive_avg")
    for n in (1, 2, 3)
}
_ENTRYWISE_METHODS = ("relu", "relu_", "tanh", "sigmoid", "contiguous", "clone", "abs", "square")
_BINARY: set[Callable[..., Any]] = {
    *(
        operator.add,
        operator.iadd,
        operator.sub,
        operator.isub,
        operator.mul,
        operator.imul,
        operator.truediv,
    ),
    *(torch.add, torch.sub, torch.mul, torch.div),
}
_BINARY_METHODS = ("add", "add_", "sub", "mul", "mul_", "div")
_OF_SHAPES = ("size", "dim")


@dataclass(frozen=True)
class Axis:
    """The units along an axis of a tensor, each of which takes ``entries`` consecutive places."""

    tensor: str
    number: int
    units: _Units
    entries: int


@dataclass(frozen=True)
class Followed:
    """All axes on which units lie; what is the same unit has the same number. ``fixed``: inputs and outputs.

    ``together``: sets of units that are normalised together, and that no other unit can join, as those of group norm.
    """

    axes: list[Axis]
    fixed: int
    together: list[_Units]


@dataclass(frozen=True)
class _Value:
    """What a node gives. ``units``: along its second axis; None for the network's input, whose size is not known."""

    units: _Units | None
    layout: str  # "maps": (B, units, ...); "flat": (B, units x pixels); "units": (B, units)
    pixels: int = 0  # dimensions of maps beside the two


def follow(graph: fx.GraphModule, model: nn.Module) -> Followed:
    """Follow the units of ``model``, whose ``graph`` is given. ValueError for an operation that hides them."""
    following = _Following(graph, model)
    following.run()
    return following.followed()


class _Following:
    def __init__(self, graph: fx.GraphModule, model: nn.Module) -> None:
        self._graph = graph
        self._model = type(model).__name__
        self._names = {
            id(tensor): name for name, tensor in [*model.named_buffers(), *model.named_parameters()]
        }
        self._values: dict[fx.Node, _Value | None] = {}  # None: a number, such as a size
        self._axes: dict[tuple[str, int], tuple[_Units, int]] = {}
        self._same: list[tuple[_Units, _Units]] = []
        self._together: list[_Units] = []
        self._count = 1  # unit 0 stands for what is fixed

    def run(self) -> None:
        for node in self._graph.graph.nodes:
            self._values[node] = self._follow(node)

    def followed(self) -> Followed:
        itself = np.zeros((2, 1), dtype=np.int64)
        rows, columns = np.concatenate([itself, *map(np.stack, self._same)], axis=1)
        ties = coo_array((np.ones(len(rows)), (rows, columns)), shape=(self._count, self._count))
        _, unit_of = connected_components(ties, directed=False)
        _, first = np.unique(unit_of, return_index=True)  # units are numbered as they are computed
        axes = [
            Axis(tensor, axis, first[unit_of[units]], entries)
            for (tensor, axis), (units, entries) in self._axes.items()
        ]
        return Followed(axes, 0, [first[unit_of[units]] for units in self._together])

    def _follow(self, node: fx.Node) -> _Value | None:
        if node.op == "placeholder":
            return _Value(None, "maps")
        if node.op == "output":
            for returned in node.all_input_nodes:
                self._fix(self._values[returned])
            return None
        given = [value for each in node.all_input_nodes if (value := self._values[each]) is not None]
        if node.op == "get_attr" or (len(given) == 0 and node.op == "call_module"):
            raise self._hidden(node)
        if not given:
            return None  # a number made of numbers
        if node.op == "call_module":
            return self._module(node, self._graph.get_submodule(str(node.target)), given[0])
        if node.op == "call_method":
            return self._method(node, given)
        return self._function(node, given)

    def _module(self, node: fx.Node, module: nn.Module, value: _Value) -> _Value:
        kind = parametrize.type_before_parametrizations(module)
        if kind in _ENTRYWISE or (kind in _SPATIAL and value.layout == "maps"):
            return value
        if kind in (*_CONVOLUTIONS, DeconvolvedConv2d):
            return self._convolution(node, module, value)
        if kind in (nn.Linear, DeconvolvedLinear):
            return self._linear(node, module, value)
        if kind in _NORMS:
            return self._norm(node, module, value, _NORMS[kind](module))
        if kind is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
            return _flat(value)
        raise self._hidden(node)

    def _convolution(self, node: fx.Node, layer: Any, value: _Value) -> _Value:
        if value.layout != "maps":
            raise self._hidden(node)
        if layer.groups == 1:
            self._takes(node, layer, _or_input(value, layer.in_channels), 1)
            return _Value(self._computed(node, layer), "maps", layer.weight.ndim - 2)
        if value.units is None or not layer.groups == layer.in_channels == layer.out_channels:
            raise self._hidden(node)
        self._gives(node, layer, value.units)  # each channel by itself: the units stay the same
        if isinstance(layer, DeconvolvedConv2d):
            self._lies(node, layer.running_covariance, 0, value.units, 1)
            self._lies(node, layer.running_mean, 0, value.units, prod(layer.kernel_size))
        return value

    def _linear(self, node: fx.Node, layer: Any, value: _Value) -> _Value:
        if value.units is not None and value.layout == "maps":
            raise self._hidden(node)
        units = _or_input(value, layer.in_features)
        self._takes(node, layer, units, self._entries(node, layer.in_features, units, value))
        return _Value(self._computed(node, layer), "units")

    def _norm(self, node: fx.Node, norm: Any, value: _Value, features: int) -> _Value:
        units = _or_input(value, features)
        entries = self._entries(node, features, units, value)
        statistics = (getattr(norm, name, None) for name in ("running_mean", "running_var"))
        for tensor in (*norm.parameters(recurse=False), *statistics):
            if tensor is not None:
                self._lies(node, tensor, 0, units, entries)
        if getattr(norm, "num_groups", 1) > 1:
            if entries > 1:
                raise self._hidden(node)
            self._together += np.split(units, norm.num_groups)
        return value

    def _takes(self, node: fx.Node, layer: Any, units: _Units, entries: int) -> None:
        """``units`` are what a layer takes, along the second axis of its weight, each with so many places."""
        for tensor in self._tensors_of_weight(node, layer):
            if tensor.shape[1:] == layer.weight.shape[1:]:  # which the lengths of weight norm have not
                self._lies(node, tensor, 1, units, entries)
        pixels = prod(layer.weight.shape[2:])
        if isinstance(layer, DeconvolvedConv2d | DeconvolvedLinear):
            if len(layer.running_covariance) > 1:
                raise self._hidden(node)  # units could change places within a block of several alone
            for tensor, axis in ((layer.running_mean, 0), (layer.running_covariance, 1)):
                self._lies(node, tensor, axis, units, entries * pixels)
            self._lies(node, layer.running_covariance, 2, units, entries * pixels)
        for part in _spectral(layer):
            self._lies(node, part._v, 0, units, entries * pixels)

    def _gives(self, node: fx.Node, layer: Any, units: _Units) -> None:
        """``units`` are what a layer gives, along the first axis of its weight and its bias."""
        for tensor in (*self._tensors_of_weight(node, layer), layer.bias):
            if tensor is not None:
                self._lies(node, tensor, 0, units, 1)
        for part in _spectral(layer):
            self._lies(node, part._u, 0, units, 1)

    def _tensors_of_weight(self, node: fx.Node, layer: Any) -> list[Any]:
        """The weight, or the tensors of which a parametrization makes it, whose first axis is that of the weight."""
        if not parametrize.is_parametrized(layer):
            return [layer.weight]
        chains = layer.parametrizations
        if list(chains) != ["weight"] or [_keeps_filters(part) for part in chains["weight"]] != [True]:
            raise self._hidden(node)
        return list(chains["weight"].parameters(recurse=False))

    def _method(self, node: fx.Node, given: Sequence[_Value]) -> _Value | None:
        name, value = str(node.target), given[0]
        if name in _OF_SHAPES:
            return None
        if name in _ENTRYWISE_METHODS:
            return value
        if name in _BINARY_METHODS:
            return self._sum(node, given)
        if name == "flatten" and _flattens(node.args[1:], node.kwargs):
            return _flat(value)
        if name in ("view", "reshape") and _is_matrix(node.args[1:]):
            return _flat(value)
        if name == "mean":
            return self._mean(node, value)
        raise self._hidden(node)

    def _function(self, node: fx.Node, given: Sequence[_Value]) -> _Value | None:
        function: Any = node.target
        value = given[0]
        if function in _ENTRYWISE_FUNCTIONS or (function in _SPATIAL_FUNCTIONS and value.layout == "maps"):
            return value
        if function in _BINARY:
            return self._sum(node, given)
        if function is torch.flatten and _flattens(node.args[1:], node.kwargs):
            return _flat(value)
        if function is torch.reshape and _is_matrix(node.args[1:]):
            return _flat(value)
        if function is torch.mean:
            return self._mean(node, value)
        if function in (torch.cat, torch.concat, torch.concatenate):
            return self._joined(node)
        if function is functional.pad:
            return self._padded(node, value)
        if function is operator.getitem and _keeps_units(node.args[1]):
            return value
        if function is getattr and node.args[1] == "shape":
            return None
        raise self._hidden(node)

    def _sum(self, node: fx.Node, given: Sequence[_Value]) -> _Value:
        """Entry by entry: the units of both are the same. Those that are added to the input are fixed."""
        first = given[0]
        for other in given[1:]:
            if first.units is None or other.units is None:
                self._fix(first)
                self._fix(other)
                continue
            if (first.layout, first.pixels, len(first.units)) != (
                other.layout,
                other.pixels,
                len(other.units),
            ):
                raise self._hidden(node)
            self._same.append((first.units, other.units))
        return next((value for value in given if value.units is not None), first)

    def _mean(self, node: fx.Node, value: _Value) -> _Value:
        """Over all pixels."""
        dim, keep = _arguments(node, dim=(), keepdim=False)
        rank = value.pixels + 2
        over = sorted(axis % rank for axis in ([dim] if isinstance(dim, int) else dim))
        if not value.pixels or over != list(range(2, rank)):
            raise self._hidden(node)
        return value if keep else _Value(value.units, "units")

    def _joined(self, node: fx.Node) -> _Value:
        tensors, dim = _arguments(node, tensors=(), dim=0)
        given = [value for each in tensors if (value := self._values[each]) is not None]
        alike = {(value.layout, value.pixels) for value in given}
        known = all(value.units is not None and value.layout != "flat" for value in given)
        if dim != 1 or len(alike) > 1 or not known:
            raise self._hidden(node)
        joined = np.concatenate([value.units for value in given if value.units is not None])
        return replace(given[0], units=joined)

    def _padded(self, node: fx.Node, value: _Value) -> _Value:
        """Zeros around the pixels, or, as in a shortcut of option A, channels of zeros, which are new units."""
        _, pad, mode, fill = _arguments(node, input=None, pad=(), mode="constant", value=None)
        if not value.pixels or value.units is None or mode != "constant" or fill not in (None, 0):
            raise self._hidden(node)
        of_channels = list(pad[2 * value.pixels :])  # pairs come from the last axis to the first
        if not any(of_channels):
            return value
        if len(of_channels) > 2 or min(of_channels) < 0:
            raise self._hidden(node)
        before, after = map(self._new, of_channels)
        return replace(value, units=np.concatenate([before, value.units, after]))

    def _computed(self, node: fx.Node, layer: nn.Module) -> _Units:
        """The units that a layer computes, which lie along the first axis of its weight and its bias."""
        units = self._new(len(layer.weight))  # type: ignore[arg-type]
        self._gives(node, layer, units)
        return units

    def _new(self, number: int) -> _Units:
        self._count += number
        return np.arange(self._count - number, self._count)

    def _fix(self, value: _Value | None) -> None:
        if value is not None and value.units is not None:
            self._same.append((value.units, np.zeros_like(value.units)))

    def _entries(self, node: fx.Node, features: int, units: _Units, value: _Value) -> int:
        """How many of ``features`` belong to each unit: one, or the pixels of a feature map that was flattened."""
        entries, rest = divmod(features, max(len(units), 1))
        if rest or entries < 1 or (entries > 1 and value.layout != "flat"):
            raise self._hidden(node)
        return entries

    def _lies(self, node: fx.Node, tensor: Any, axis: int, units: _Units, entries: int) -> None:
        if tensor.shape[axis] != len(units) * entries:
            raise self._hidden(node)
        place = (self._names[id(tensor)], axis)
        known, theirs = self._axes.setdefault(place, (units, entries))
        if theirs != entries:
            raise self._hidden(node)
        if known is not units:  # a tensor that is used twice
            self._same.append((known, units))

    def _hidden(self, node: fx.Node) -> ValueError:
        what: Any = node.target
        if node.op == "call_module":
            what = f"{type(self._graph.get_submodule(str(node.target))).__name__} {str(node.target)!r}"
        elif callable(what):
            what = getattr(what, "__name__", str(what))
        return ValueError(
            f"{self._model}: units cannot be followed through {what}, expected linear layers, convolutions, "
            "normalisations, activations, pooling, flattening, sums and joins of channels"
        )


def _keeps_filters(part: nn.Module) -> bool:
    """Whether a parametrization makes each filter, along the first axis, of the same filter alone, or all alike."""
    return (isinstance(part, _WeightNorm) and part.dim == 0) or isinstance(
        part, _SpectralNorm | WeightStandardization
    )


def _spectral(layer: Any) -> list[Any]:
    """Spectral norm of a layer's weight, which keeps singular vectors."""
    chain = layer.parametrizations["weight"] if parametrize.is_parametrized(layer, "weight") else ()
    return [part for part in chain if isinstance(part, _SpectralNorm) and hasattr(part, "_u")]


def _or_input(value: _Value, features: int) -> _Units:
    """The units of a value; those of the network's input are fixed."""
    return np.zeros(features, dtype=np.int64) if value.units is None else value.units


def _flat(value: _Value) -> _Value:
    return _Value(value.units, "flat" if value.layout == "maps" else value.layout)


def _arguments(node: fx.Node, **defaults: Any) -> list[Any]:
    """Values of the arguments in this order; for a method, that of the tensor itself is left out."""
    names = list(defaults)
    positional = node.args[1:] if "dim" in names[:1] else node.args
    given = {**dict(zip(names, positional, strict=False)), **node.kwargs}
    return [given.get(name, default) for name, default in defaults.items()]


def _flattens(arguments: Sequence[Any], named: dict[str, Any]) -> bool:
    start, end = [*arguments, *[None] * 2][:2]
    return named.get("start_dim", start) == 1 and named.get("end_dim", end) in (None, -1)


def _is_matrix(sizes: Sequence[Any]) -> bool:
    """Whether a reshape is to (B, ...) of two dimensions."""
    listed = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], list | tuple) else sizes
    return len(listed) == 2


def _keeps_units(index: Any) -> bool:
    """Whether an index takes all examples and all channels, such as every second pixel of each."""
    everything = slice(None, None, None)
    return isinstance(index, tuple) and len(index) > 2 and index[:2] == (everything, everything)
