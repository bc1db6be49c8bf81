"""Which points of a grid are measured: all of them, or as many as interpolation needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lossatlas.landscape.mapping.map_points import Progress


class VisitPoints(Protocol):
    """What measures points: `visit`, given everything but these."""

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
        visit_points: VisitPoints,
        progress: Progress | None,
    ) -> Sampled:
        """Rows of all points of a grid of ``shape``; ``losses`` are those of their columns that are losses."""


class Everywhere:
    """All points are measured.

    >>> Everywhere().sample((2, 1), [0], lambda indices=None, progress=None: np.zeros((2, 1)), None).rows.shape
    (2, 1)
    """

    def attributes(self) -> dict[str, str | int | float]:
        """Nothing: it goes without saying."""
        return {}

    def sample(
        self,
        shape: Sequence[int],
        losses: Sequence[int],
        visit_points: VisitPoints,
        progress: Progress | None,
    ) -> Sampled:
        """Rows of all points."""
        return Sampled(visit_points(progress=progress), None, {})


EVERYWHERE = Everywhere()
