"""A network's forward pass with batch norm folded and operations fused."""

import torch
from torch import Tensor, nn

from lossatlas.landscape.forward.folding import Folding, Pair
from lossatlas.landscape.forward.fusing import Layer, fuse
from lossatlas.landscape.forward.kernels import Makers
from lossatlas.landscape.forward.tracing import Shapes, traced


class Fused:
    """The forward pass of ``model`` as a graph of fused layers, with weights of ``reduced`` precision if it says.

    ``inputs`` is a batch to trace with. UntraceableError as `traced` raises it.
    """

    name = "fused"

    def __init__(
        self, model: nn.Module, inputs: Tensor, makers: Makers, reduced: torch.dtype | None = None
    ) -> None:
        self._graph = traced(model)
        layers = fuse(self._graph, Shapes.of(self._graph, inputs), makers)
        pairs = [layer.source for layer in layers if isinstance(layer.source, Pair)]
        self._folding = Folding(pairs) if pairs else None
        self._reduced = reduced
        self._copies: list[Tensor] = []
        self._copied: list[Tensor] = []
        for layer in layers:
            self._connect(layer)

    def _connect(self, layer: Layer) -> None:
        layer.weight = self._own(layer.source.weight)  # type: ignore[arg-type]
        layer.bias = None if layer.source.bias is None else self._own(layer.source.bias)  # type: ignore[arg-type]

    def _own(self, tensor: Tensor) -> Tensor:
        """The live tensor, or a copy in reduced precision that `refresh` keeps up to date."""
        live = tensor.detach()
        if self._reduced is None:
            return live
        self._copied.append(live)
        self._copies.append(torch.empty_like(live, dtype=self._reduced))
        return self._copies[-1]

    def refresh(self) -> None:
        """Fold the present weights and reduce their precision."""
        if self._folding is not None:
            self._folding.refresh()
        if self._copies:
            torch._foreach_copy_(self._copies, self._copied)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs for a batch, in the dtype of ``inputs``."""
        if self._reduced is None:
            return self._graph.forward(inputs)
        with torch.autocast(inputs.device.type, self._reduced):  # for what is not fused
            return self._graph.forward(inputs.to(self._reduced)).to(inputs.dtype)
