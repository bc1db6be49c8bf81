"""The pivots of an elastic band as a module whose tensors keep their shapes while pivots are added."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn


class Pivots(nn.Module):
    """Pivots between two fixed ``ends`` (2, n): at first ``count`` evenly on the straight line, at most ``room``.

    Checkpoints and the states of optimizers need tensors whose shapes do not change: rows that are not in use are zero,
    and so is their gradient. ValueError unless 1 <= count <= room.

    >>> pivots = Pivots(torch.tensor([[0.0], [4.0]]), 1, room=3)
    >>> pivots.points.flatten(), pivots.shares
    (tensor([0., 2., 4.]), tensor([0.5000, 0.5000]))
    """

    ends: Tensor  # (2, n)
    _shares: Tensor  # (room + 1,), zero where no gap is

    def __init__(self, ends: Tensor, count: int, *, room: int) -> None:
        super().__init__()
        if not 1 <= count <= room:
            raise ValueError(f"pivots must be 1 to {room}, got {count}")
        self.register_buffer("ends", ends, persistent=False)
        self.rows = nn.Parameter(torch.zeros(room, ends.shape[1]))
        self.register_buffer("_shares", torch.zeros(room + 1))
        self.replace(*insert_pivots(ends, torch.ones(1), evenly_between(1, count)))

    def __len__(self) -> int:
        return int(self._shares.count_nonzero()) - 1

    @property
    def shares(self) -> Tensor:
        """The part of the band's length that each gap is to have, (gaps,)."""
        return self._shares[: len(self) + 1]

    @property
    def points(self) -> Tensor:
        """The band: end, pivots, end, (P, n), detached."""
        return torch.cat([self.ends[:1], self.rows.detach()[: len(self)], self.ends[1:]])

    @torch.no_grad()
    def replace(self, points: Tensor, shares: Tensor) -> None:
        """Have the band be ``points`` (P, n), whose ends are the band's, with the shares (P - 1,) of the gaps."""
        inner = len(points) - 2
        self.rows.zero_()
        self.rows[:inner] = points[1:-1]
        self._shares.zero_()
        self._shares[: inner + 1] = shares

    @torch.no_grad()
    def space_evenly(self) -> None:
        """Move the pivots along the band until the gaps have their shares."""
        self.rows[: len(self)] = evenly_spaced(self.points, self.shares)[1:-1]

    def lengths(self) -> tuple[float, float]:
        """Length of the band, and distance of its ends."""
        return float(gaps(self.points).double().sum()), float(gaps(self.ends))


def insertions(losses: ArrayLike, *, threshold: float, most: int) -> list[list[float]]:
    """Positions of new pivots by AutoNEB's rule: for each gap between two, fractions of it, none or one.

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
    """Positions of ``pivots`` new pivots, evenly in each of ``gaps`` gaps, in the form of `insertions`.

    >>> evenly_between(1, 3)
    [[0.25, 0.5, 0.75]]
    """
    return [np.linspace(0, 1, pivots + 2)[1:-1].tolist()] * gaps


def insert_pivots(points: Tensor, shares: Tensor, where: Sequence[Sequence[float]]) -> tuple[Tensor, Tensor]:
    """Insert new pivots on the straight lines of a band; also returns the share of each gap in its length.

    ``points`` (P, n), ``shares`` (P - 1,), ``where``: ascending fractions of each gap, whose share is divided alike.

    >>> insert_pivots(torch.tensor([[0.0], [4.0], [5.0]]), torch.tensor([0.8, 0.2]), [[0.25], []])
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


def gaps(points: Tensor) -> Tensor:
    """Distances between neighbouring points, (P - 1,), of ``points`` (P, n).

    >>> gaps(torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]]))
    tensor([5., 1.])
    """
    return torch.linalg.vector_norm(points.diff(dim=0), dim=1)


def evenly_spaced(points: Tensor, shares: Tensor) -> Tensor:
    """Redistribute ``points`` (P, n) along their chain, so that each gap has its share of the chain's length.

    ``shares`` (P - 1,), positive, are put in proportion to their sum. First and last point stay, to the last bit. This
    is what a spring without end does (Draxler et al. 2018, arXiv:1803.00885). A new chain cuts the
    corners of the old, so its own gaps are the shares only nearly. ValueError if there is not a positive share for
    each gap.

    >>> evenly_spaced(torch.tensor([[0.0], [1.0], [4.0]]), torch.tensor([0.5, 0.5])).flatten()
    tensor([0., 2., 4.])
    """
    if shares.shape != (len(points) - 1,) or not bool((shares > 0).all()):
        raise ValueError(
            f"shares must be positive, one for each of {len(points) - 1} gaps, got {shares.tolist()}"
        )
    ends = gaps(points).double().cumsum(0)  # length of the chain up to each point but the first
    wanted = (shares.double().cumsum(0) / shares.double().sum() * ends[-1])[:-1]  # (P - 2,)
    segment = torch.searchsorted(ends, wanted).clamp(max=len(ends) - 1)
    start = torch.cat([ends.new_zeros(1), ends])
    length = ends[segment] - start[segment]
    fraction = torch.where(length > 0, (wanted - start[segment]) / length, 0.0).to(points)[:, None]
    inner = torch.lerp(points[segment], points[segment + 1], fraction)
    return torch.cat([points[:1], inner, points[-1:]])
