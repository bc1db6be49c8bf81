"""What a network's outputs predict: they are logits, whose softmax the loss takes, or probabilities already."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lossatlas.landscape.measuring.targets import NOT_TAKEN, ClassTargets, class_targets
from lossatlas.landscape.problem import Loss

_FEW = 16  # examples that tell what the loss does


@dataclass(frozen=True)
class Predictions:
    """How the predicted classes are read from outputs."""

    axis: int  # along which the scores of the classes lie
    are_probabilities: bool  # of a network that ends in softmax; else logits, or logarithms of probabilities

    def logits(self, outputs: Tensor) -> Tensor:
        """Logits, (..., C) in float64, of which the softmax is what is predicted.

        >>> outputs = torch.tensor([[0.75, 0.25]])
        >>> Predictions(1, are_probabilities=True).logits(outputs).softmax(-1)
        tensor([[0.7500, 0.2500]], dtype=torch.float64)
        """
        last = outputs.movedim(self.axis, -1).double()
        return last.log() if self.are_probabilities else last


def predictions(
    loss: Loss, outputs: Tensor, of_splits: Sequence[Tensor], *, rounded_to: torch.dtype | None = None
) -> Predictions | None:
    """How to read ``outputs``, (n, ...), of a few examples of the first split, given the targets of all splits.

    ``rounded_to`` is the dtype that the network computed them in, where they were widened since.

    None where no targets are classes, or not all of them count for the output at their own place (`class_targets`).
    ValueError for outputs whose softmax would be none that the loss knows: probabilities of which the loss takes the
    softmax once more, or numbers between 0 and 1 that do not add up to 1, as a sigmoid gives them.

    >>> def loss(outputs, targets):
    ...     return torch.nn.functional.nll_loss(outputs.log(), targets)
    >>> predictions(loss, torch.tensor([[0.75, 0.25]]), [torch.tensor([0])])
    Predictions(axis=1, are_probabilities=True)
    """
    of = class_targets(loss, outputs, of_splits)
    if of is None or of.ignored:
        return None
    last = outputs.movedim(of.axis, -1).double()
    within = bool(((last >= 0) & (last <= 1)).all())
    rounding = max(1e-3, 8 * torch.finfo(rounded_to or outputs.dtype).eps)
    sum_to_one = within and bool(((last.sum(-1) - 1).abs() <= rounding).all())
    takes_softmax = _ignores_a_shift(loss, outputs[:_FEW], of_splits[0][:_FEW], of)
    if sum_to_one and takes_softmax:
        raise ValueError(
            "the network's outputs are probabilities, of which the loss takes the softmax again: leave one of them out"
        )
    if within and not sum_to_one and not takes_softmax and bool((last > 0).all()):
        raise ValueError(
            "the network's outputs lie between 0 and 1 and do not add up to 1, as those of a sigmoid: they are no "
            "probabilities of classes of which each example has one"
        )
    return Predictions(of.axis, sum_to_one)


def _ignores_a_shift(loss: Loss, outputs: Tensor, targets: Tensor, of: ClassTargets) -> bool:
    """Whether a number added to all outputs leaves the loss as it is, as it does where the loss takes their softmax."""
    outputs, targets = outputs[: len(targets)], targets[: len(outputs)]
    certain = torch.zeros_like(outputs).scatter_(of.axis, targets.long().unsqueeze(of.axis), 1.0)
    probable = (certain + 1 / outputs.shape[of.axis]) / 2  # so that they are probabilities, and not all alike
    try:
        # Shifted within 0 and 1: on a GPU a loss that takes nothing else brings down the process.
        here, shifted = loss(probable / 2, targets), loss(probable / 2 + 1 / 4, targets)
    except NOT_TAKEN:
        return False
    return bool(torch.isclose(here, shifted, rtol=max(1e-3, 8 * torch.finfo(outputs.dtype).eps)))
