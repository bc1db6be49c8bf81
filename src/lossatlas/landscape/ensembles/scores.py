"""Scores of predicted probabilities. All take their logarithms (N, C) in float64 and targets (N,)."""

from collections.abc import Callable
from dataclasses import dataclass

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

    Guo et al. 2017 (arXiv:1706.04599, equation 5), by torchmetrics, which sums in float32.

    >>> import torch
    >>> calibration_error(torch.tensor([[0.75, 0.25]]).log().repeat(2, 1), torch.tensor([0, 1]))  # right half the time
    0.25
    """
    # Here, since it takes half a second to import.
    from torchmetrics.functional.classification import multiclass_calibration_error

    # A probability that rounding lifts above 1 would be taken for a logit.
    probabilities = log_probabilities.exp().clamp(max=1)
    if not probabilities.isfinite().all():
        return float("nan")
    classes = probabilities.shape[-1]
    return multiclass_calibration_error(
        probabilities, targets, num_classes=classes, n_bins=bins, norm="l1", validate_args=False
    ).item()


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
