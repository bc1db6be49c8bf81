"""Where a band needs further pivots, and how it gets them."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


def insertions(losses: ArrayLike, *, threshold: float, most: int) -> list[list[float]]:
    """Where in each gap between two pivots to insert one: fractions of the gap, none or one.

    ``losses`` (gaps, positions + 2): at both pivots of a gap, and at evenly spaced positions between them. A pivot
    goes where the loss is farthest above the straight line between those of the pivots, if that is more than
    ``threshold`` times the range of the pivots' losses, and at most into the ``most`` gaps where it is the farthest.
    As AutoNEB does: Kolsbjerg et al. 2016 (doi:10.1063/1.4961868), Draxler et al. 2018 (arXiv:1803.00885). ValueError
    for a negative threshold or number, or losses of another form.

    >>> insertions([[0.0, 2.0, 0.5, 1.0], [1.0, 0.7, 0.4, 0.0]], threshold=0.2, most=2)
    [[0.3333333333333333], []]
    """
    measured = np.asarray(losses, dtype=np.float64)
    if measured.ndim != 2 or measured.shape[1] < 3 or not len(measured):
        raise ValueError(f"losses must be (gaps, positions + 2) with positions >= 1, got {measured.shape}")
    if not threshold >= 0 or most < 0:
        raise ValueError(f"threshold and most must be >= 0, got {threshold} and {most}")
    fractions = np.linspace(0, 1, measured.shape[1])
    excess = measured - (measured[:, :1] * (1 - fractions) + measured[:, -1:] * fractions)
    pivots = np.append(measured[:, 0], measured[-1, -1])
    where = excess[:, 1:-1].argmax(1) + 1
    farthest = excess[np.arange(len(measured)), where]
    chosen = set(np.argsort(-farthest, kind="stable")[:most].tolist())
    needed = farthest > threshold * np.ptp(pivots)
    return [
        [float(fractions[where[gap]])] if gap in chosen and needed[gap] else []
        for gap in range(len(measured))
    ]


def evenly_between(gaps: int, pivots: int) -> list[list[float]]:
    """The same for ``pivots`` new pivots evenly in each of ``gaps`` gaps.

    >>> evenly_between(1, 3)
    [[0.25, 0.5, 0.75]]
    """
    return [np.linspace(0, 1, pivots + 2)[1:-1].tolist()] * gaps


def filled(points: Tensor, shares: Tensor, where: Sequence[Sequence[float]]) -> tuple[Tensor, Tensor]:
    """A band with new pivots on its straight lines, and the share of each gap in its length.

    ``points`` (P, n), ``shares`` (P - 1,), ``where``: ascending fractions of each gap, whose share is divided alike.

    >>> filled(torch.tensor([[0.0], [4.0], [5.0]]), torch.tensor([0.8, 0.2]), [[0.25], []])
    (tensor([[0.],
            [1.],
            [4.],
            [5.]]), tensor([0.2000, 0.6000, 0.2000]))
    """
    rows, parts = [points[0]], []
    for gap, fractions in enumerate(where):
        for fraction in fractions:
            rows.append(torch.lerp(points[gap], points[gap + 1], fraction))
        rows.append(points[gap + 1])
        borders = torch.tensor([0.0, *fractions, 1.0], dtype=torch.float64)
        parts.append((shares[gap].double() * borders.diff()).to(shares))
    return torch.stack(rows), torch.cat(parts)
