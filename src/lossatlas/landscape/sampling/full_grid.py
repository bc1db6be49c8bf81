"""Sampling of a grid: what every way of it gives, and the full grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lossatlas.landscape.mapping.map_points import Progress


class MapPoints(Protocol):
    """What measures points: `map_points`, given everything but these."""

    def __call__(
        self, *, indices: Sequence[int] | None = None, progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """Rows of the points ``indices``, (points, values); None for all."""


@dataclass(frozen=True)
class Sampled:
    """The rows of all points of a grid, and where they come from."""

    rows: NDArray[np.float64]  # (points, values)
    measured: NDArray[np.bool_] | None  # (points,), the others are interpolated; None where nothing ever is
    attributes: dict[str, int | float]


class Sampling(Protocol):
    """A way to get at the rows of all points of a grid."""

    def attributes(self) -> dict[str, str | int | float]:
        """What a dataset says of it, before anything is measured."""

    def sample(
        self,
        shape: Sequence[int],
        losses: Sequence[int],
        map_points: MapPoints,
        progress: Progress | None,
    ) -> Sampled:
        """Rows of all points of a grid of ``shape``; ``losses`` are those of their columns that are losses."""


class FullGrid:
    """Full grid: all points are measured.

    >>> FullGrid().sample((2, 1), [0], lambda indices=None, progress=None: np.zeros((2, 1)), None).rows.shape
    (2, 1)
    """

    def attributes(self) -> dict[str, str | int | float]:
        """Nothing: it goes without saying."""
        return {}

    def sample(
        self,
        shape: Sequence[int],
        losses: Sequence[int],
        map_points: MapPoints,
        progress: Progress | None,
    ) -> Sampled:
        """Rows of all points."""
        return Sampled(map_points(progress=progress), None, {})


FULL_GRID = FullGrid()
