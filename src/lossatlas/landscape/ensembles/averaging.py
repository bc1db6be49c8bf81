"""Averages over the members of an ensemble, of one member more at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

Average = Callable[[Tensor, Sequence[float]], Iterator[Tensor]]
"""From outputs (M, N, C) and a positive weight for each member to the logarithms of the probabilities (N, C) of the
ensemble of the first member, of the first two, and so on to all M."""


def mean_probabilities(logits: Tensor, weights: Sequence[float]) -> Iterator[Tensor]:
    """Weighted mean of the members' softmax probabilities, as Huang et al. 2017 (arXiv:1704.00109) have it.

    It is summed as logarithms, so that the probability of a class that all members all but exclude keeps its digits.

    >>> logits = torch.tensor([[[0.8, 0.2]], [[0.2, 0.8]]], dtype=torch.float64).log()
    >>> [ensemble.exp().flatten().tolist() for ensemble in mean_probabilities(logits, [1.0, 1.0])]
    [[0.8, 0.2], [0.5, 0.5]]
    """
    total = torch.full_like(logits[0], -torch.inf)
    for count, member in enumerate(logits, start=1):
        total = torch.logaddexp(total, member.log_softmax(-1) + _log(weights[count - 1]))
        yield total - _log(sum(weights[:count]))


def mean_logits(logits: Tensor, weights: Sequence[float]) -> Iterator[Tensor]:
    """Softmax of the weighted mean of the members' outputs: the geometric mean of their probabilities, normalised.

    >>> logits = torch.tensor([[[0.9, 0.1]], [[0.5, 0.5]]], dtype=torch.float64).log()
    >>> [round(ensemble.exp()[0, 0].item(), 6) for ensemble in mean_logits(logits, [1.0, 1.0])]
    [0.9, 0.75]
    """
    total = torch.zeros_like(logits[0])
    for count, member in enumerate(logits, start=1):
        total = total + weights[count - 1] * member
        yield (total / sum(weights[:count])).log_softmax(-1)


AVERAGES: Mapping[str, Average] = {"probabilities": mean_probabilities, "logits": mean_logits}


def _log(weight: float) -> Tensor:
    return torch.tensor(weight, dtype=torch.float64).log()
