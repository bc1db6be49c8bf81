"""Linearity of a first layer: at linear combinations of weights its outputs are the same combinations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from lossatlas.landscape.forward.fusing import Layer, linear
from lossatlas.landscape.shapes.combination import Basis, Combination

_FEWEST_INPUTS = 32  # of the layer; with fewer, its product takes no longer than combining three
_ROOM = 2**26  # bytes for what is kept of all batches; more only where it is no larger than the data
_LARGEST = 1e-3  # of the dtype's largest number: below, nothing overflows in whatever order it is summed
_RESHAPING = {"flatten", "view", "reshape", "size"}


@dataclass(eq=False)
class _Kept:
    """A batch, and the layer's outputs for it with each tensor of the basis as weights."""

    inputs: Tensor  # held, so that no other batch can come to lie where it lies
    products: Sequence[Tensor] | None  # (N, outputs) each; None where they are not worth their memory
    scales: Sequence[float]  # above them and above all partial sums, in absolute value
    most: Sequence[float] = ()  # coefficients of all products but the last
    sum_of_most: Tensor | None = None  # points that follow each other often differ in the last alone

    def combined(self, coefficients: Sequence[float]) -> Tensor:
        """The products' combination, in new memory."""
        assert self.products is not None
        *most, last = coefficients
        if self.sum_of_most is None or most != self.most:
            self.most, self.sum_of_most = most, _combined(self.products[:-1], most)
        return torch.add(self.sum_of_most, self.products[-1], alpha=last)


class _Combined:
    """The outputs X W' + b of a first ``layer``, for W and b that are combinations of those of a basis.

    With W = sum_k c_k W_k and b likewise they are sum_k c_k (X W_k' + b_k). The products in brackets are computed
    once for a batch and basis, and kept. A batch is known by its tensor, whose values have to stay.

    >>> x, layer = torch.ones(2, 32), nn.Linear(32, 1)
    >>> basis = tuple({"w": torch.full((1, 32), w), "b": torch.zeros(1)} for w in (1.0, 10.0))
    >>> combined = _Combined("w", "b")
    >>> combined.take(Combination(basis, (1.0, 0.5)))
    >>> combined.batch = x
    >>> combined(x, layer.weight, layer.bias)  # 32 (1 + 10 / 2)
    tensor([[192.],
            [192.]])
    """

    def __init__(self, weight: str, bias: str | None) -> None:
        self.batch: Tensor | None = None  # that the network is given, of which the layer's inputs are made
        self._weight = weight
        self._bias = bias
        self._basis: Basis = ()
        self._coefficients: tuple[float, ...] | None = None
        self._kept: dict[int, _Kept] = {}
        self._bytes = 0

    def take(self, combination: Combination | None) -> None:
        """Combine as ``combination`` says from now on; None: compute with the layer's own weights."""
        if combination is None:
            self._coefficients = None
            return
        if combination.basis is not self._basis:
            self._kept, self._bytes = {}, 0
            self._basis = combination.basis
        self._coefficients = combination.coefficients

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Outputs for ``x``, which are new memory."""
        if self._coefficients is None or self.batch is None:
            return linear(x, weight, bias)
        kept = self._kept.get(id(self.batch))
        if kept is None:
            kept = self._kept[id(self.batch)] = self._keep(self.batch, x, weight)
        if kept.products is None or not _stays_finite(self._coefficients, kept.scales, x.dtype):
            return linear(x, weight, bias)
        return kept.combined(self._coefficients)

    def _keep(self, batch: Tensor, x: Tensor, weight: Tensor) -> _Kept:
        size = (len(self._basis) + 1) * (x.numel() // x.shape[-1]) * len(weight) * x.element_size()
        fits = size <= batch.nbytes or self._bytes + size <= _ROOM
        if not fits or not self._suits(x, weight):
            return _Kept(batch, None, ())
        self._bytes += size
        layers = [(at[self._weight], None if self._bias is None else at[self._bias]) for at in self._basis]
        longest = x.abs().sum(-1).max()
        bounds = [w.abs().max() * longest + (0.0 if b is None else b.abs().max()) for w, b in layers]
        scales = torch.stack(bounds).tolist()
        return _Kept(batch, [linear(x, w, b) for w, b in layers], scales)

    def _suits(self, x: Tensor, weight: Tensor) -> bool:
        names = [self._weight, *([] if self._bias is None else [self._bias])]
        tensors = [at.get(name) for at in self._basis for name in names]
        return x.shape[-1] >= _FEWEST_INPUTS and all(
            tensor is not None and tensor.dtype is weight.dtype and tensor.device == weight.device
            for tensor in tensors
        )


def _stays_finite(coefficients: Sequence[float], scales: Sequence[float], dtype: torch.dtype) -> bool:
    """Whether neither way can overflow; False where anything is NaN or infinite already."""
    largest = sum(abs(c) * scale for c, scale in zip(coefficients, scales, strict=True))
    return largest < _LARGEST * torch.finfo(dtype).max


def _combined(products: Sequence[Tensor], coefficients: Sequence[float]) -> Tensor:
    total = products[0] if coefficients[0] == 1.0 else products[0] * coefficients[0]
    for product, factor in zip(products[1:], coefficients[1:], strict=True):
        total = torch.add(total, product, alpha=factor)
    return total


def combining(layer: Layer, names: Mapping[int, str]) -> _Combined | None:
    """Have ``layer`` combine, where it's a linear layer by itself; ``names`` are those of parameters by their id."""
    module = layer.source
    if type(module) is not nn.Linear or id(module.weight) not in names:
        return None
    combined = _Combined(names[id(module.weight)], None if module.bias is None else names[id(module.bias)])
    layer.operation = combined
    return combined


def first_layer(graph: fx.GraphModule) -> Layer | None:
    """The layer that is all that ``graph`` does with its inputs, once they have another shape.

    >>> from lossatlas.landscape.forward.tracing import traced
    >>> first_layer(traced(nn.Sequential(nn.Flatten(), nn.ReLU()))) is None
    True
    """
    (inputs, *_) = graph.graph.nodes
    reshaped = {inputs}
    for node in graph.graph.nodes:
        if node is inputs or not reshaped & set(node.all_input_nodes):
            continue
        module = graph.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, Layer):
            return module if _alone(node, reshaped) else None
        if not _reshapes(node, module):
            return None
        reshaped.add(node)
    return None


def _alone(layer: fx.Node, reshaped: set[fx.Node]) -> bool:
    """Whether nothing else but reshaping uses what ``layer`` uses."""
    return all(user is layer or user in reshaped for node in reshaped for user in node.users)


def _reshapes(node: fx.Node, module: nn.Module | None) -> bool:
    return (
        type(module) is nn.Flatten
        or (node.op == "call_method" and node.target in _RESHAPING)
        or (node.op == "call_function" and node.target in (torch.flatten, torch.reshape))
    )
