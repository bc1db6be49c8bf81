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
