"""What is measured at a point: the loss, and what the same forward pass gives beside it."""

from collections.abc import Mapping
from typing import Protocol

import torch
import xarray as xr
from torch import Tensor

from lossatlas.landscape.engine import Engine
from lossatlas.landscape.grid import axis
from lossatlas.landscape.problem import Loss, Problem


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
        n = len(targets)
        value = self._function(outputs, targets).double()
        return torch.stack([value * n, torch.full_like(value, n)])

    def finish(self, sums: Tensor) -> Tensor:
        """Mean, (1,)."""
        return sums[:1] / sums[1]


class Error:
    """The share of the targets that is not the argmax over the outputs' second axis.

    >>> error = Error()
    >>> error.finish(error.sums(torch.eye(3), torch.tensor([0, 1, 0])))
    tensor([0.3333], dtype=torch.float64)
    """

    name = "error"
    meaning = "share of the split that is misclassified"

    def __init__(self) -> None:
        self.axes: Mapping[str, xr.Variable] = {}

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Number of wrong and of all targets, (2,)."""
        wrong = (outputs.argmax(1) != targets).sum().double()
        return torch.stack([wrong, torch.full_like(wrong, targets.numel())])

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
        sums = torch.zeros(2, self._classes, dtype=torch.float64, device=outputs.device)
        for index in targets.unique().tolist():
            of_class = targets == index
            n = int(of_class.sum())
            sums[:, index] = torch.tensor([float(self._loss(outputs[of_class], targets[of_class])) * n, n])
        return sums.reshape(-1)

    def finish(self, sums: Tensor) -> Tensor:
        """Means, (classes,)."""
        return sums[: self._classes] / sums[self._classes :]


def metrics_of(problem: Problem, outputs: Tensor, targets: Tensor, engine: Engine) -> tuple[Metric, ...]:
    """Metrics that suit ``problem``, given the ``outputs`` and ``targets`` of a few of its examples.

    ValueError if values by class are asked for and the targets are not one class an example.
    """
    metrics: list[Metric] = [Mean("loss", problem.loss, "mean loss over the split")]
    classes = not (targets.is_floating_point() or targets.is_complex())
    if classes and outputs.ndim == targets.ndim + 1:
        metrics.append(Error())
    metrics += [
        Mean(name, function, f"mean {name} over the split") for name, function in problem.metrics.items()
    ]
    if engine.per_class:
        if not classes or targets.ndim != 1 or outputs.ndim != 2:
            raise ValueError("per_class needs outputs (N, classes) and targets (N,) that are classes")
        metrics += [ClassLoss(outputs.shape[1], problem.loss), ClassError(outputs.shape[1])]
    return tuple(metrics)


def _classes(number: int) -> dict[str, xr.Variable]:
    return {"class": axis("class", range(number), "class")}
