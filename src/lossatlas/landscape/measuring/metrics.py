"""Metrics at a point: the loss, and what the same forward pass gives beside it."""

from collections.abc import Mapping
from typing import Protocol

import torch
import xarray as xr
from torch import Tensor

from lossatlas.landscape.engine import Engine
from lossatlas.landscape.measuring.losses import along_memory, example_losses
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
    """The share of the targets that is not the argmax of the outputs along the axis of the classes.

    >>> error = Error()
    >>> error.finish(error.sums(torch.eye(3), torch.tensor([0, 1, 0])))
    tensor([0.3333], dtype=torch.float64)
    """

    name = "error"
    meaning = "share of the split that is misclassified"

    def __init__(self, class_axis: int = 1) -> None:
        self.axes: Mapping[str, xr.Variable] = {}
        self._class_axis = class_axis

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Number of wrong and of all targets, (2,)."""
        wrong = (outputs.argmax(self._class_axis) != targets).sum()
        sums = _counted(wrong, targets.numel())
        sums[0] = wrong
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


def metrics_of(problem: Problem, outputs: Tensor, targets: Tensor, engine: Engine) -> tuple[Metric, ...]:
    """Metrics that suit ``problem``, given the ``outputs`` and ``targets`` of a few of its examples.

    Besides the loss and the problem's own: the error, where the targets are classes (whole numbers, of which
    the outputs have the shape but for one axis more, the second or the last). ValueError if values by class
    are asked for and the targets are not one class an example.
    """
    metrics: list[Metric] = [Mean("loss", along_memory(problem.loss), "mean loss over the split")]
    along = class_axis(outputs, targets)
    if along is not None:
        metrics.append(Error(along))
    metrics += [
        Mean(name, function, f"mean {name} over the split") for name, function in problem.metrics.items()
    ]
    if engine.per_class:
        if along is None or targets.ndim != 1:
            raise ValueError("per_class needs outputs (N, classes) and targets (N,) that are classes")
        classes = outputs.shape[1]
        _check_range(problem, classes)
        metrics += [ClassLoss(classes, problem.loss), ClassError(classes)]
    return tuple(metrics)


def class_axis(outputs: Tensor, targets: Tensor) -> int | None:
    """Axis of ``outputs`` along which the scores of the classes lie; None if ``targets`` are no classes.

    >>> class_axis(torch.empty(5, 3, 8, 8), torch.zeros(5, 8, 8, dtype=torch.long))  # of every pixel
    1
    >>> class_axis(torch.empty(5, 8, 3), torch.zeros(5, 8, dtype=torch.long))  # of every word
    -1
    """
    if targets.is_floating_point() or targets.is_complex() or targets.dtype is torch.bool:
        return None
    for along in (1, -1):
        shape = list(outputs.shape)
        if outputs.ndim >= 2 and shape.pop(along) > 1 and shape == list(targets.shape):
            return along
    return None


def _check_range(problem: Problem, classes: int) -> None:
    for split, (_, targets) in problem.data.items():
        for extreme in (int(targets.min()), int(targets.max())):
            if not 0 <= extreme < classes:
                raise ValueError(
                    f"per_class needs targets from 0 to {classes - 1}, split {split!r} has {extreme}"
                )


def _classes(number: int) -> dict[str, xr.Variable]:
    return {"class": axis("class", range(number), "class")}
