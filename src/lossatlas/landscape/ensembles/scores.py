"""Scores of predicted probabilities. All take their logarithms (N, C) in float64 and targets (N,)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class _Score:
    """A number for the predictions on a split, and what it is in words."""

    of: Callable[[Tensor, Tensor], float]
    meaning: str


def error(log_probabilities: Tensor, targets: Tensor) -> float:
    """Error rate: share of the targets that are not the most probable class.

    >>> import torch
    >>> error(torch.tensor([[0.9, 0.1], [0.6, 0.4]]).log(), torch.tensor([0, 1]))
    0.5
    """
    return (log_probabilities.argmax(-1) != targets).double().mean().item()


def nll(log_probabilities: Tensor, targets: Tensor) -> float:
    """Negative log-likelihood: mean of -log of the probability that the target's class is given, in nats.

    >>> import torch
    >>> round(nll(torch.tensor([[0.9, 0.1], [0.6, 0.4]]).double().log(), torch.tensor([0, 1])), 4)  # of 0.9 and of 0.4
    0.5108
    """
    return functional.nll_loss(log_probabilities, targets).item()


def brier(log_probabilities: Tensor, targets: Tensor) -> float:
    """Brier score: mean squared distance of the probabilities from the one-hot target, in [0, 2].

    Brier 1950, Monthly Weather Review 78(1), equation 2.

    >>> import torch
    >>> round(brier(torch.tensor([[0.9, 0.1], [0.6, 0.4]]).double().log(), torch.tensor([0, 1])), 4)  # 0.02 and 0.72
    0.37
    """
    certain = functional.one_hot(targets, log_probabilities.shape[-1])
    return (log_probabilities.exp() - certain).square().sum(-1).mean().item()


def calibration_error(log_probabilities: Tensor, targets: Tensor, bins: int = 15) -> float:
    """Expected calibration error in ``bins`` of equal width, in [0, 1]; NaN where a probability is.

    >>> import torch
    >>> logs = torch.tensor([[0.75, 0.25]], dtype=torch.float64).log().repeat(2, 1)
    >>> calibration_error(logs, torch.tensor([0, 1]))  # right half the time
    0.25
    """
    if log_probabilities.isnan().any():
        return float("nan")
    confidences, classes = log_probabilities.double().exp().max(-1)
    return expected_calibration_error(confidences, classes == targets, bins).item()


def expected_calibration_error(confidences: Tensor, right: Tensor, bins: int) -> Tensor:
    """Mean over the predictions, by bins of their confidence, of the distance of confidence and accuracy, in float64.

    Guo et al. 2017 (arXiv:1706.04599, equation 5): bin m of M holds the confidences in ((m - 1) / M, m / M], so that
    the last has those that are 1. (torchmetrics gives these a bin of their own.) Both are (N,), ``right`` a bool.

    >>> import torch
    >>> expected_calibration_error(torch.tensor([0.75, 1.0]), torch.tensor([True, False]), bins=2)  # 0.875 and 0.5
    tensor(0.3750, dtype=torch.float64)
    """
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64, device=confidences.device)
    confidences = confidences.double()
    of_bin = (torch.bucketize(confidences, edges) - 1).clamp(0, bins - 1)  # rounding may lift one above 1
    gaps = edges.new_zeros(bins).index_add_(0, of_bin, right.double() - confidences)
    return gaps.abs().sum() / len(confidences)


def scores(bins: int) -> dict[str, _Score]:
    """All of them by name, with ``bins`` for the calibration."""
    return {
        "error": _Score(error, "share misclassified"),
        "nll": _Score(nll, "mean negative log-likelihood"),
        "brier": _Score(brier, "Brier score"),
        "calibration_error": _Score(
            lambda log_probabilities, targets: calibration_error(log_probabilities, targets, bins),
            "expected calibration error",
        ),
    }
