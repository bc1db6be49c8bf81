"""CUDA graphs: all kernels of a forward pass launched at once."""

import warnings

import torch
from torch import Tensor

from lossatlas.landscape.forward.plain import Forward
from lossatlas.landscape.shapes.combination import Combination


class _Replayed:
    """``forward`` recorded for each batch when it is first seen, and replayed when it is seen again.

    A batch is known by its memory, and has to stay there: so do the data of a prepared problem, and its weights, which
    are overwritten in place. Outputs are overwritten by the next pass.
    """

    def __init__(self, forward: Forward) -> None:
        self.name = forward.name
        self.forward = forward
        self._recorded: dict[tuple[int, torch.Size], tuple[torch.cuda.CUDAGraph, Tensor]] = {}
        self._pool = torch.cuda.graph_pool_handle()

    def refresh(self, combination: Combination | None = None) -> None:
        """Take up the network's present weights, which needs no recording: it is a handful of kernels.

        The ``combination`` means nothing here: its coefficients would be recorded as constants.
        """
        self.forward.refresh()

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs for a batch."""
        key = inputs.data_ptr(), inputs.shape
        if key not in self._recorded:
            self._recorded[key] = self._record(inputs)
        graph, outputs = self._recorded[key]
        graph.replay()
        return outputs

    def _record(self, inputs: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor]:
        aside = torch.cuda.Stream(inputs.device)
        aside.wait_stream(torch.cuda.current_stream(inputs.device))
        with torch.cuda.stream(aside):  # libraries allocate on first use, which cannot be recorded
            self.forward(inputs)
        torch.cuda.current_stream(inputs.device).wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            outputs = self.forward(inputs)
        return graph, outputs


def replayed(forward: Forward, inputs: Tensor) -> Forward:
    """``forward`` by CUDA graphs if ``inputs`` are on a GPU and it can be recorded, else as it is.

    >>> from lossatlas.landscape.forward.plain import Plain
    >>> plain = Plain(torch.nn.Identity())
    >>> replayed(plain, torch.ones(1)) is plain  # on a CPU
    True
    """
    if inputs.device.type != "cuda":
        return forward
    candidate = _Replayed(forward)
    try:
        candidate(inputs)
    except RuntimeError as error:
        torch.cuda.synchronize(inputs.device)
        warnings.warn(f"no CUDA graphs, since the network cannot be recorded: {error}", stacklevel=2)
        return forward
    return candidate
