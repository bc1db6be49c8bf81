"""Corrupted labels: training targets of which some are replaced at random."""

import torch
from torch import Tensor

from lossatlas.seeds import generator


def with_label_noise(targets: Tensor, share: float, classes: int) -> Tensor:
    """``targets`` (N,), each replaced with probability ``share`` by a class that is drawn from all ``classes``.

    Zhang et al. 2017 (arXiv:1611.03530): the class may be the right one, so that about share (1 - 1 / classes) of the
    targets are wrong. A pure function, which no run's seed changes. ValueError for a share that is no probability.

    >>> targets = torch.arange(10).repeat(1000)
    >>> round(float((with_label_noise(targets, 0.5, classes=10) != targets).float().mean()), 2)
    0.45
    """
    if not 0 <= share <= 1:
        raise ValueError(f"label_noise is a probability and must be in [0, 1], got {share}")
    if not share:
        return targets
    draws = generator(0, "label noise")
    replaced = torch.rand(len(targets), generator=draws) < share
    return torch.where(replaced, torch.randint(classes, (len(targets),), generator=draws), targets)
