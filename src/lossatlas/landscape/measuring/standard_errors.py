"""Standard errors of the losses that are measured on a subsample, as metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import xarray as xr
from torch import Tensor

from lossatlas.landscape.forward import Forward
from lossatlas.landscape.measuring.losses import example_losses
from lossatlas.landscape.measuring.metrics import Metric
from lossatlas.landscape.measuring.subsample import squares, standard_error
from lossatlas.landscape.problem import Loss, Problem

Batches = Sequence[tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class _Reference:
    """What is known of a batch beforehand."""

    losses: Tensor  # (n,), of its examples at the network's own weights
    population: Tensor  # (), of how many examples of the split those of the batch stand for


class _Examples:
    """The examples that are measured, and what is known of them."""

    def __init__(self, loss: Loss, forward: Forward, batches: Batches, populations: Sequence[float]) -> None:
        self._loss = loss
        self._references: dict[int, _Reference] = {}
        for (inputs, targets), population in zip(batches, populations, strict=True):
            losses = self.losses(forward(inputs), targets)
            share = torch.tensor(population, dtype=torch.float64, device=losses.device)
            self._references[id(targets)] = _Reference(losses, share)

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Loss of each example, (n,)."""
        return example_losses(self._loss, outputs, targets).double()

    def reference(self, targets: Tensor) -> _Reference:
        """What is known of the batch that has these ``targets``, the very tensor."""
        return self._references[id(targets)]


class _LossStandardError:
    """Standard error of the mean loss over the split."""

    name = "loss_standard_error"
    meaning = "standard error of the mean loss over the split"

    def __init__(self, examples: _Examples) -> None:
        self.axes: Mapping[str, xr.Variable] = {}
        self._examples = examples

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """`squares` of the losses, (4,)."""
        return squares(self._examples.losses(outputs, targets), self._examples.reference(targets).population)

    def finish(self, sums: Tensor) -> Tensor:
        """Standard error, (1,)."""
        return standard_error(sums)


class _RiseStandardError:
    """Standard error of the loss minus that at the network's own weights: of what gives a picture its shape.

    The examples are the same at both, so that it is much smaller than the standard error of either.
    """

    name = "rise_standard_error"
    meaning = "standard error of the rise of the mean loss from the network's own weights"

    def __init__(self, examples: _Examples) -> None:
        self.axes: Mapping[str, xr.Variable] = {}
        self._examples = examples

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """`squares` of the losses' rises, (4,)."""
        known = self._examples.reference(targets)
        return squares(self._examples.losses(outputs, targets) - known.losses, known.population)

    def finish(self, sums: Tensor) -> Tensor:
        """Standard error, (1,)."""
        return standard_error(sums)


def standard_errors(
    problem: Problem, forward: Forward, batches: Mapping[str, Batches]
) -> tuple[Metric, Metric]:
    """The standard errors for ``batches`` of each split of ``problem``; the network is on its own weights."""
    forward.refresh()
    every: list[tuple[Tensor, Tensor]] = []
    populations: list[float] = []
    for split, of_split in batches.items():
        measured = sum(len(targets) for _, targets in of_split)
        population = len(problem.data[split][1])
        every += of_split
        populations += [population * len(targets) / measured for _, targets in of_split]
    examples = _Examples(problem.loss, forward, every, populations)
    return _LossStandardError(examples), _RiseStandardError(examples)
