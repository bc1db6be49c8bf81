"""A network's forward pass with batch norm folded and operations fused."""

from typing import Any

import torch
from torch import Tensor, nn

from lossatlas.landscape.forward.combined import combining, first_layer
from lossatlas.landscape.forward.folding import Folding, Pair
from lossatlas.landscape.forward.fusing import fuse
from lossatlas.landscape.forward.plain import wide_dtype, widened
from lossatlas.landscape.forward.tracing import Shapes, traced
from lossatlas.landscape.shapes.combination import Combination


class Fused:
    """The forward pass of ``model`` as a graph of fused layers; ``reduced``: in this dtype, not the weights' own.

    ``inputs`` is a batch to trace with. UntraceableError as `traced` raises it.

    >>> model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1), nn.ReLU()).eval()
    >>> with torch.inference_mode():
    ...     fused = Fused(model, torch.ones(2, 1))
    ...     fused.refresh()
    ...     torch.allclose(fused(torch.ones(2, 1)), model(torch.ones(2, 1)))
    True
    """

    name = "fused"

    def __init__(self, model: nn.Module, inputs: Tensor, reduced: torch.dtype | None = None) -> None:
        self._graph = traced(model)
        layers = fuse(self._graph, Shapes.of(self._graph, inputs))
        pairs = [layer.source for layer in layers if isinstance(layer.source, Pair)]
        self._folding = Folding(pairs) if pairs else None
        self._reduced = reduced
        self._wide = wide_dtype(model)
        self._copies: list[Tensor] = []
        self._copied: list[Tensor] = []
        for layer in layers:
            layer.weight = self._own(layer.source.weight)
            layer.bias = None if layer.source.bias is None else self._own(layer.source.bias)
        first = first_layer(self._graph) if reduced is None else None
        names = {id(tensor): name for name, tensor in model.named_parameters()}
        self._combined = None if first is None else combining(first, names)

    def _own(self, tensor: Any) -> Tensor:
        """The live tensor, or a copy in reduced precision that `refresh` keeps up to date."""
        live: Tensor = tensor.detach()
        if self._reduced is None:
            return live
        self._copied.append(live)
        self._copies.append(torch.empty_like(live, dtype=self._reduced))
        return self._copies[-1]

    def refresh(self, combination: Combination | None = None) -> None:
        """Fold the present weights, reduce their precision, and see how they are combined."""
        if self._combined is not None:
            self._combined.take(combination)
        if self._folding is not None:
            self._folding.refresh()
        if self._copies:
            torch._foreach_copy_(self._copies, self._copied)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs for a batch, `widened`."""
        run = self._graph.forward  # not the module itself, which would write to stderr where this fails
        if self._combined is not None:
            self._combined.batch = inputs
        if self._reduced is None:
            return widened(run(inputs))
        reduced = (
            inputs.to(self._reduced) if inputs.is_floating_point() else inputs
        )  # tokens stay whole numbers
        with torch.autocast(inputs.device.type, self._reduced):  # for what is not fused
            return widened(run(reduced), self._wide)
