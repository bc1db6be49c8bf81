"""What a loss makes of its targets: which are classes, which count, and for which outputs. Told by its gradient.

At outputs that prefer no class the gradient of a loss is zero where it does not look, and lowest for the class that a
target asks for. So targets that are ignored are found whatever the loss is called, and wherever they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lossatlas.landscape.problem import Loss

NOT_TAKEN = (RuntimeError, ValueError, TypeError, LookupError, AssertionError)
"""What a loss may raise that does not take made-up outputs, or has no gradient."""

_ENTRIES = 2**22  # of the outputs in one pass


@dataclass(frozen=True)
class ClassTargets:
    """Targets that are classes, one for each place of the outputs."""

    axis: int  # of the outputs, along which the scores of the classes lie
    ignored: tuple[int, ...] = ()  # values that the loss leaves out

    def counted(self, targets: Tensor) -> Tensor:
        """Which of the targets count, of their shape, bool.

        >>> ClassTargets(-1, (-100,)).counted(torch.tensor([[2, -100]]))
        tensor([[ True, False]])
        """
        return ~torch.isin(targets, torch.tensor(self.ignored, dtype=targets.dtype, device=targets.device))


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


def class_targets(loss: Loss, outputs: Tensor, of_splits: Sequence[Tensor]) -> ClassTargets | None:
    """What ``loss`` makes of the targets of some splits, where they are classes; None where they are not.

    Nor are they where the loss holds an output against another target than that at its own place, as a loss of shifted
    labels does, or ignores a value in one place and counts it in another. ``outputs``, (n, ...), are those of a few
    examples of the first split. A loss that has no gradient is taken to ignore what lies beyond the classes.

    >>> loss = torch.nn.CrossEntropyLoss(ignore_index=2)
    >>> class_targets(loss, torch.zeros(1, 3), [torch.tensor([0, 2, 1])])
    ClassTargets(axis=1, ignored=(2,))
    >>> def shifted(outputs, targets):
    ...     return torch.nn.functional.cross_entropy(outputs[:, :-1].flatten(0, 1), targets[:, 1:].flatten())
    >>> class_targets(shifted, torch.zeros(1, 4, 3), [torch.tensor([[0, 2, 1, 1]])]) is None
    True
    """
    axis = class_axis(outputs[:1], of_splits[0][:1])
    if axis is None or any(targets.ndim != of_splits[0].ndim for targets in of_splits):
        return None
    ignored, counted = set[int](), set[int]()
    for part in (
        part for targets in of_splits for part in _parts(_distinct(targets, axis)[0], outputs, axis)
    ):
        slope = _slope(loss, _even(outputs, part, axis), part)
        if slope is None or not slope.any():
            counts = (part >= 0) & (part < outputs.shape[axis])
        else:
            counts = (slope != 0).any(axis)
            if (slope.argmin(axis) != part)[counts].any():
                return None
        counted.update(part[counts].unique().tolist())
        ignored.update(part[~counts].unique().tolist())
    return None if ignored & counted else ClassTargets(axis, tuple(sorted(ignored)))


@dataclass(frozen=True)
class Pair:
    """Two examples, outputs for them at which a function of outputs and targets has different values, and where."""

    outputs: Tensor  # (2, ...)
    targets: Tensor  # (2, ...)
    numbers: tuple[int, int]  # of the examples, in their split


def unlike_pairs(function: Loss, outputs: Tensor, targets: Tensor, axis: int | None) -> list[Pair]:
    """Pairs of examples that may count differently: of all, those with the extremes of what ``function`` looks at.

    That is told by its gradient: how many outputs of an example it is not zero for, and how large it is; where it has
    none, by how many targets of an example are classes. There are no pairs where all are alike. ``outputs``, (n, ...),
    are those of a few examples, ``targets`` those of all, (N, ...); ``axis`` is the `class_axis`.

    >>> data = torch.tensor([[0, 1], [1, 1], [0, -100]])
    >>> loss = torch.nn.CrossEntropyLoss()
    >>> [pair.numbers for pair in unlike_pairs(loss, torch.zeros(1, 2, 2), data, axis=1)]
    [(2, 0)]
    """
    rows, numbers = _distinct(targets, axis)
    found: list[Pair] = []
    for score in _scores(function, outputs, rows, axis):
        ends = torch.stack([score.argmin(), score.argmax()])
        where = (int(numbers[ends[0]]), int(numbers[ends[1]]))
        if score[ends[1]] > (1 + 1e-3) * score[ends[0]] and where not in [pair.numbers for pair in found]:
            found.append(Pair(_unlike(outputs, rows[ends], axis), rows[ends], where))
    return found


def _scores(function: Loss, outputs: Tensor, targets: Tensor, axis: int | None) -> list[Tensor]:
    """How much each example may count, (N,) each, by several ways to tell."""
    seen, steep = [], []
    for part in _parts(targets, outputs, axis):
        slope = _slope(function, _even(outputs, part, axis), part)
        if slope is None:
            if axis is None:
                return []
            known = (targets >= 0) & (targets < outputs.shape[axis])
            return [known.reshape(len(targets), -1).sum(1)]
        seen.append((slope != 0).flatten(1).sum(1))
        steep.append(slope.abs().flatten(1).sum(1, dtype=torch.float64) * len(part))
    return [torch.cat(seen), torch.cat(steep)]


def _unlike(outputs: Tensor, targets: Tensor, axis: int | None) -> Tensor:
    """Outputs for two examples: of classes even ones, and half way to the targets; else the two farthest apart."""
    if axis is None:
        away = (outputs - outputs[:1]).flatten(1).abs().sum(1)
        return torch.stack([outputs[0], outputs[away.argmax()]])
    even = _even(outputs, targets, axis)
    classes = targets.long().clamp(0, outputs.shape[axis] - 1).unsqueeze(axis)
    certain = torch.zeros_like(even).scatter_(axis, classes, 1.0)
    return torch.stack([even[0], (even[1] + certain[1]) / 2])


def _distinct(targets: Tensor, axis: int | None) -> tuple[Tensor, Tensor]:
    """Of classes, one an example, each once, and the number of its first example; else all and their numbers."""
    numbers = torch.arange(len(targets), device=targets.device)
    if targets.ndim > 1 or axis is None:
        return targets, numbers
    values, of_value = targets.unique(return_inverse=True)
    first = numbers.new_zeros(len(values)).scatter_reduce_(0, of_value, numbers, "amin", include_self=False)
    return values, first


def _parts(targets: Tensor, outputs: Tensor, axis: int | None) -> Iterator[Tensor]:
    """``targets`` of so many examples that their outputs do not take much memory."""
    entries = outputs[0].numel() if axis is None else targets[0].numel() * outputs.shape[axis]
    yield from targets.split(max(1, _ENTRIES // max(1, entries)))


def _even(outputs: Tensor, targets: Tensor, axis: int | None) -> Tensor:
    """Outputs that prefer no class, for each of ``targets``: all alike, be they logits or probabilities.

    Where targets are no classes the first of ``outputs`` for all: one that the function takes.
    """
    if axis is None:
        return outputs[:1].repeat(len(targets), *(1 for _ in outputs.shape[1:]))
    classes = outputs.shape[axis]
    shape = list(targets.shape)
    shape.insert(axis if axis >= 0 else len(shape), classes)
    return outputs.new_full(shape, 1 / classes)


def _slope(function: Loss, outputs: Tensor, targets: Tensor) -> Tensor | None:
    """Gradient of ``function`` by the outputs; what is not finite counts as zero. None if it has none."""
    with torch.inference_mode(False), torch.enable_grad():
        try:
            leaf = outputs.clone().requires_grad_()
            value = function(leaf, targets.clone())
            (slope,) = torch.autograd.grad(value, leaf)
        except torch.OutOfMemoryError:
            raise
        except NOT_TAKEN:
            return None
    return slope.nan_to_num(0.0, 0.0, 0.0)
