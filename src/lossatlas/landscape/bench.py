"""A problem laid out for measuring: data in batches, and a network on weights that may be overwritten."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.forward import Forward, fitting_forward
from lossatlas.landscape.isolation import evaluation_mode, full_precision, weights_of_its_own
from lossatlas.landscape.layout import fitting_batch_size, fitting_memory_format, keep_freed_memory
from lossatlas.landscape.metrics import Metric, metrics_of
from lossatlas.landscape.probing import probed
from lossatlas.landscape.problem import Loss, Problem
from lossatlas.landscape.standard_errors import standard_errors
from lossatlas.landscape.subsample import subsampled
from lossatlas.landscape.weight_space import Weights

Batches = Sequence[tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class Bench:
    """The network of a problem, in evaluation mode, on weights of its own. Made by `opened`."""

    model: nn.Module
    loss: Loss
    weights: Weights  # parameters and buffers that the network computes with; overwrite them in place
    batches: Mapping[str, Batches]  # by split
    metrics: tuple[Metric, ...]  # the loss first
    forward: Forward
    engine: Engine
    batch_size: int
    memory_format: torch.memory_format

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the parameters (of the first, if they differ)."""
        return next(self.model.parameters()).dtype

    @torch.inference_mode()
    def measure(self) -> list[float]:
        """Metrics at the present weights: of the first split one after the other, then of the next.

        They are over the whole split: sums over its batches, added up in float64.
        """
        self.forward.refresh()
        return [value for batches in self.batches.values() for value in self._measure(batches)]

    def _measure(self, batches: Batches) -> list[float]:
        sums: list[list[Tensor]] = [[] for _ in self.metrics]
        for inputs, targets in batches:
            outputs = self.forward(inputs)
            for metric, kept in zip(self.metrics, sums, strict=True):
                kept.append(metric.sums(outputs, targets))
        totals = [torch.stack(of_metric).sum(0) for of_metric in sums]
        on_cpu = (
            torch.cat(totals).cpu().split([len(total) for total in totals])
        )  # one transfer from the device
        return [
            value
            for metric, total in zip(self.metrics, on_cpu, strict=True)
            for value in metric.finish(total).tolist()
        ]


@contextmanager
def opened(
    problem: Problem, *, splits: Sequence[str] | None = None, engine: Engine = EXACT
) -> Iterator[Bench]:
    """Lay out ``splits`` (None: all) of ``problem`` in batches, and its network as ``engine`` says.

    The network and torch's settings are as before when the block ends, however it ends. ValueError for an
    unknown split, and as `probed` raises it.

    >>> data = {"train": (torch.ones(3, 1), torch.tensor([[0.0], [0.0], [3.0]]))}
    >>> problem = Problem(nn.Linear(1, 1, bias=False), nn.MSELoss(), data)
    >>> with opened(problem, engine=Engine(batch_size=2)) as bench:  # batches of two and of one
    ...     _ = bench.weights["weight"].fill_(1.0)
    ...     bench.measure()  # (1 + 1 + 4) / 3
    [2.0]
    """
    names = problem.select(splits)
    inputs, _ = problem.data[names[0]]
    size = engine.batch_size or fitting_batch_size(inputs)
    keep_freed_memory()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))  # a hook of Lightning may run under it
        stack.enter_context(full_precision())
        stack.enter_context(evaluation_mode(problem.model))
        metrics = metrics_of(problem, *probed(problem, names[0]), engine)
        layout = fitting_memory_format(problem.model, inputs)
        weights = stack.enter_context(weights_of_its_own(problem.model, layout))
        batches = {
            split: _batches(*subsampled(problem.data[split], split, engine), size, layout) for split in names
        }
        forward = fitting_forward(problem.model, batches[names[0]][0][0], engine)
        if engine.subsample is not None:
            metrics += standard_errors(problem, forward, batches)
        yield Bench(
            problem.model,
            problem.loss,
            weights,
            batches,
            metrics,
            forward,
            engine,
            size,
            layout,
        )


def _batches(inputs: Tensor, targets: Tensor, size: int, layout: torch.memory_format) -> Batches:
    if inputs.ndim == 4 and layout is torch.channels_last:
        inputs = inputs.contiguous(memory_format=layout)
    return list(zip(inputs.detach().split(size), targets.detach().split(size), strict=True))
