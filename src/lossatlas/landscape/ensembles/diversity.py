"""Diversity of an ensemble. All functions take the networks' outputs on the same examples, (M, N, C)."""

import torch
from torch import Tensor


def agreement(logits: Tensor) -> int:
    """Number of the examples that all networks put into the same class.

    >>> agreement(torch.tensor([[[2.0, 1.0], [0.0, 1.0]], [[3.0, 0.0], [1.0, 0.0]]]))  # the first, not the second
    1
    """
    classes = logits.argmax(-1)
    return int((classes == classes[0]).all(0).sum())


def disagreement(logits: Tensor) -> Tensor:
    """Share of the examples that two networks put into different classes, (M, M) in float64.

    >>> disagreement(torch.tensor([[[2.0, 1.0], [0.0, 1.0]], [[3.0, 0.0], [1.0, 0.0]]]))
    tensor([[0.0000, 0.5000],
            [0.5000, 0.0000]], dtype=torch.float64)
    """
    classes = logits.argmax(-1)
    return torch.stack([(classes != of_one).double().mean(1) for of_one in classes])


def correlation(logits: Tensor) -> Tensor:
    """Pearson's correlation of two networks' softmax probabilities, over all examples and classes, (M, M) in float64.

    Huang et al. 2017 (arXiv:1704.00109), figure 6. NaN for a network whose probabilities are all the same.

    >>> correlation(torch.tensor([[[5.0, 0.0], [0.0, 1.0]], [[0.0, 5.0], [1.0, 0.0]]]))
    tensor([[ 1., -1.],
            [-1.,  1.]], dtype=torch.float64)
    """
    probabilities = logits.double().softmax(-1).flatten(1)  # (M, N C)
    return torch.corrcoef(probabilities).reshape(len(logits), len(logits))


def both_wrong(logits: Tensor, targets: Tensor) -> Tensor:
    """Share of the examples that two networks both misclassify, (M, M) in float64; on the diagonal each one's error.

    ``targets``: (N,).

    >>> logits = torch.tensor([[[2.0, 1.0], [0.0, 1.0]], [[0.0, 3.0], [1.0, 0.0]]])
    >>> both_wrong(logits, torch.tensor([1, 0]))  # the first errs on both examples, the second on none
    tensor([[1., 0.],
            [0., 0.]], dtype=torch.float64)
    """
    wrong = (logits.argmax(-1) != targets).double()
    return wrong @ wrong.T / len(targets)


def error_products(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean inner product of the errors of two networks, (M, M) in float64; on the diagonal each one's Brier score.

    An error is the vector of the probabilities less that of the target, which has a single 1. The mean of the diagonal
    is the variance v, and that of the others the covariance c, of which the mean of k networks has a squared error of
    v / k + (k - 1) c / k (Goodfellow et al. 2016, "Deep Learning", section 7.11).

    >>> logits = torch.tensor([[[0.75, 0.25]], [[0.25, 0.75]]], dtype=torch.float64).log()
    >>> error_products(logits, torch.tensor([0]))  # errors of (-0.25, 0.25) and (-0.75, 0.75)
    tensor([[0.1250, 0.3750],
            [0.3750, 1.1250]], dtype=torch.float64)
    """
    certain = torch.nn.functional.one_hot(targets, logits.shape[-1])
    errors = (logits.double().softmax(-1) - certain).flatten(1)  # (M, N C)
    return errors @ errors.T / len(targets)
