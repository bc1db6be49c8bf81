"""A problem laid out for measuring: data in batches, and a network on weights that may be overwritten."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lossatlas.landscape.isolation import evaluation_mode, full_precision, weights_of_its_own
from lossatlas.landscape.layout import fitting_batch_size, fitting_memory_format, keep_freed_memory
from lossatlas.landscape.problem import Loss, Problem
from lossatlas.landscape.weight_space import Weights

Batches = Sequence[tuple[Tensor, Tensor]]

_PROBED = 16  # examples on which the loss is tried before a survey begins


@dataclass(frozen=True, eq=False)
class Bench:
    """The network of a problem, in evaluation mode, on weights of its own. Made by `opened`."""

    model: nn.Module
    loss: Loss
    weights: Weights  # parameters and buffers that the network computes with; overwrite them in place
    batches: Mapping[str, Batches]  # by split
    metrics: tuple[str, ...]  # "loss", and "error" if the targets are classes
    batch_size: int
    memory_format: torch.memory_format

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the parameters (of the first, if they differ)."""
        return next(self.model.parameters()).dtype

    @torch.inference_mode()
    def measure(self) -> list[float]:
        """Metrics at the present weights, those of the first split first.

        The loss is the mean over the whole split: the batches' means, weighted by their lengths, added up in
        float64. The error is the share of the targets that is not the argmax over the outputs' second axis.
        """
        return [value for batches in self.batches.values() for value in self._measure(batches)]

    def _measure(self, batches: Batches) -> list[float]:
        losses, wrong = [], []
        for inputs, targets in batches:
            outputs = self.model(inputs)
            losses.append(self.loss(outputs, targets))
            if "error" in self.metrics:
                wrong.append((outputs.argmax(1) != targets).sum())
        mean = mean_loss(losses, batches)
        if not wrong:
            return [mean]
        return [mean, int(torch.stack(wrong).sum()) / sum(targets.numel() for _, targets in batches)]


def mean_loss(losses: Sequence[Tensor], batches: Batches) -> float:
    """Mean over the split of the ``losses`` of its batches, in float64; one transfer from the device."""
    lengths = torch.tensor([len(targets) for _, targets in batches], dtype=torch.float64)
    return (torch.dot(torch.stack(list(losses)).cpu().double(), lengths) / lengths.sum()).item()


@contextmanager
def opened(
    problem: Problem, *, splits: Sequence[str] | None = None, batch_size: int | None = None
) -> Iterator[Bench]:
    """Lay out ``splits`` (None: all) of ``problem`` in batches (None: of a size that suits the caches).

    The network and torch's settings are as before when the block ends, however it ends. ValueError for an
    unknown split, a batch size below 1, or a loss that is not a mean over the batch.

    >>> data = {"train": (torch.ones(3, 1), torch.tensor([[0.0], [0.0], [3.0]]))}
    >>> problem = Problem(nn.Linear(1, 1, bias=False), nn.MSELoss(), data)
    >>> with opened(problem, batch_size=2) as bench:  # batches of two and of one
    ...     _ = bench.weights["weight"].fill_(1.0)
    ...     bench.measure()  # (1 + 1 + 4) / 3
    [2.0]
    """
    names = problem.select(splits)
    inputs, targets = problem.data[names[0]]
    size = fitting_batch_size(inputs) if batch_size is None else batch_size
    if size < 1:
        raise ValueError(f"batch_size must be >= 1, got {batch_size}")
    keep_freed_memory()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))  # a hook of Lightning may run under it
        stack.enter_context(full_precision())
        stack.enter_context(evaluation_mode(problem.model))
        layout = fitting_memory_format(problem.model, inputs)
        weights = stack.enter_context(weights_of_its_own(problem.model, layout))
        yield Bench(
            problem.model,
            problem.loss,
            weights,
            {split: _batches(*problem.data[split], size, layout) for split in names},
            _metrics(problem, inputs[:_PROBED], targets[:_PROBED]),
            size,
            layout,
        )


def _batches(inputs: Tensor, targets: Tensor, size: int, layout: torch.memory_format) -> Batches:
    if inputs.ndim == 4 and layout is torch.channels_last:
        inputs = inputs.contiguous(memory_format=layout)
    return list(zip(inputs.detach().split(size), targets.detach().split(size), strict=True))


@torch.inference_mode()
def _metrics(problem: Problem, inputs: Tensor, targets: Tensor) -> tuple[str, ...]:
    outputs = problem.model(inputs)
    once = problem.loss(outputs, targets)
    if once.ndim:
        raise ValueError(f"the loss must be a mean over the batch, got a tensor of shape {tuple(once.shape)}")
    twice = problem.loss(torch.cat([outputs] * 2), torch.cat([targets] * 2))
    if twice.isfinite() and not torch.isclose(once, twice, rtol=1e-3, atol=0.0):
        raise ValueError(
            "the loss must be a mean over the batch, got another value for the same examples twice"
        )
    classes = not (targets.is_floating_point() or targets.is_complex())
    return ("loss", "error") if classes and outputs.ndim == targets.ndim + 1 else ("loss",)
