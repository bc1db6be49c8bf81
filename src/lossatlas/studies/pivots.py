"""The pivots of an elastic band as a module whose tensors keep their shapes while pivots are added."""

import torch
from torch import Tensor, nn

from lossatlas.landscape.bands.insertion import evenly_between, filled
from lossatlas.landscape.bands.spacing import gaps, spread


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
        self.replace(*filled(ends, torch.ones(1), evenly_between(1, count)))

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
    def spread_out(self) -> None:
        """Move the pivots along the band until the gaps have their shares."""
        self.rows[: len(self)] = spread(self.points, self.shares)[1:-1]

    def lengths(self) -> tuple[float, float]:
        """Length of the band, and distance of its ends."""
        return float(gaps(self.points).double().sum()), float(gaps(self.ends))
