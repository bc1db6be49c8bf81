"""Metrics at a point: the loss, and what the same forward pass gives beside it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
import xarray as xr
from torch import Tensor

from lossatlas.landscape.engine import Engine
from lossatlas.landscape.measuring.losses import along_memory, example_losses
from lossatlas.landscape.measuring.targets import ClassTargets, class_axis, class_targets
from lossatlas.landscape.problem import Loss, Problem
from lossatlas.landscape.shapes.grid import axis


class Metric(Protocol):
    """A number, or an array of them, for a split: sums over its batches, and what they amount to."""

    name: str
    meaning: str
    axes: Mapping[str, xr.Variable]  # of its own, beside those of the points; empty for a number

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Sums over a batch, (k,) in float64; those of a split are the sums of its batches'."""

    def finish(self, sums: Tensor) -> Tensor:
        """From the sums of a split, (k,), to its values, (d,), along the axes in row-major order."""


class Mean:
    """The mean of ``function`` over a split; each batch's mean counts as much as the batch has examples.

    >>> mean = Mean("loss", torch.nn.functional.mse_loss, "mean loss over the split")
    >>> first = mean.sums(torch.zeros(2, 1), torch.ones(2, 1))
    >>> mean.finish(first + mean.sums(torch.zeros(1, 1), torch.zeros(1, 1)))  # (1 + 1 + 0) / 3
    tensor([0.6667], dtype=torch.float64)
    """

    def __init__(self, name: str, function: Loss, meaning: str) -> None:
        self.name = name
        self.meaning = meaning
        self.axes: Mapping[str, xr.Variable] = {}
        self._function = function

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Sum and count, (2,)."""
        mean = self._function(outputs, targets)
        sums = _counted(mean, len(targets))
        sums[0].mul_(mean)
        return sums

    def finish(self, sums: Tensor) -> Tensor:
        """Mean, (1,)."""
        return sums[:1] / sums[1]


class Error:
    """The share of the targets that count that is not the argmax of the outputs along the axis of the classes.

    >>> error = Error(ClassTargets(axis=1))
    >>> error.finish(error.sums(torch.eye(3), torch.tensor([0, 1, 0])))
    tensor([0.3333], dtype=torch.float64)
    """

    name = "error"
    meaning = "share of the split that is misclassified"

    def __init__(self, of: ClassTargets) -> None:
        self.axes: Mapping[str, xr.Variable] = {}
        self._of = of

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Number of wrong targets and of those that count, (2,)."""
        wrong = outputs.argmax(self._of.axis) != targets
        if self._of.ignored:
            counts = self._of.counted(targets)
            return torch.stack([(wrong & counts).sum(), counts.sum()]).double()
        sums = _counted(wrong, targets.numel())
        sums[0] = wrong.sum()
        return sums

    def finish(self, sums: Tensor) -> Tensor:
        """Share, (1,)."""
        return sums[:1] / sums[1]


class ClassError:
    """The share of each class's targets that is misclassified; NaN for a class without any.

    >>> error = ClassError(3)
    >>> error.finish(error.sums(torch.eye(3), torch.tensor([0, 1, 0])))
    tensor([0.5000, 0.0000,    nan], dtype=torch.float64)
    """

    name = "class_error"
    meaning = "share of the class that is misclassified"

    def __init__(self, classes: int) -> None:
        self.axes: Mapping[str, xr.Variable] = _classes(classes)
        self._classes = classes

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Numbers of wrong targets by class, then of all, (2 classes,)."""
        wrong = targets[outputs.argmax(1) != targets]
        counts = [torch.bincount(of.reshape(-1), minlength=self._classes) for of in (wrong, targets)]
        return torch.cat(counts).double()

    def finish(self, sums: Tensor) -> Tensor:
        """Shares, (classes,)."""
        return sums[: self._classes] / sums[self._classes :]


class ClassLoss:
    """The mean loss over the examples of each class; NaN for a class without any.

    >>> loss = ClassLoss(2, torch.nn.functional.cross_entropy)
    >>> loss.finish(loss.sums(torch.zeros(3, 2), torch.tensor([0, 0, 0])))  # log 2
    tensor([0.6931,    nan], dtype=torch.float64)
    """

    name = "class_loss"
    meaning = "mean loss over the class"

    def __init__(self, classes: int, loss: Loss) -> None:
        self.axes: Mapping[str, xr.Variable] = _classes(classes)
        self._classes = classes
        self._loss = loss

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Sums of the loss by class, then numbers of examples, (2 classes,)."""
        losses = example_losses(self._loss, outputs, targets).double()
        parts = torch.stack([losses, torch.ones_like(losses)])  # (2, N)
        sums = parts.new_zeros(2, self._classes)
        return sums.index_add_(1, targets, parts).reshape(-1)

    def finish(self, sums: Tensor) -> Tensor:
        """Means, (classes,)."""
        return sums[: self._classes] / sums[self._classes :]


def _counted(like: Tensor, count: int) -> Tensor:
    return like.new_full((2,), count, dtype=torch.float64)


def metrics_of(
    problem: Problem, outputs: Tensor, splits: Sequence[str], engine: Engine
) -> tuple[Metric, ...]:
    """Metrics that suit ``problem``, given the ``outputs`` for a few examples of the first of its ``splits``.

    Besides the loss and the problem's own: the error, where the targets are classes (whole numbers, of which
    the outputs have the shape but for one axis more, the second or the last) and the loss holds each output against the
    target at its place (`class_targets`). ValueError if values by class are asked for and the targets are not one class
    an example.
    """
    metrics: list[Metric] = [Mean("loss", along_memory(problem.loss), "mean loss over the split")]
    all_targets = [problem.data[split][1] for split in splits]
    of = class_targets(problem.loss, outputs, all_targets)
    if of is not None:
        metrics.append(Error(of))
    metrics += [
        Mean(name, function, f"mean {name} over the split") for name, function in problem.metrics.items()
    ]
    if engine.per_class:
        if class_axis(outputs[:1], all_targets[0][:1]) is None or all_targets[0].ndim != 1:
            raise ValueError("per_class needs outputs (N, classes) and targets (N,) that are classes")
        classes = outputs.shape[1]
        _check_range(problem, classes)
        if of is None:
            raise ValueError("per_class needs a loss that asks for the class that the target names")
        metrics += [ClassLoss(classes, problem.loss), ClassError(classes)]
    return tuple(metrics)


def _check_range(problem: Problem, classes: int) -> None:
    for split, (_, targets) in problem.data.items():
        for extreme in (int(targets.min()), int(targets.max())):
            if not 0 <= extreme < classes:
                raise ValueError(
                    f"per_class needs targets from 0 to {classes - 1}, split {split!r} has {extreme}"
                )


def _classes(number: int) -> dict[str, xr.Variable]:
    return {"class": axis("class", range(number), "class")}
