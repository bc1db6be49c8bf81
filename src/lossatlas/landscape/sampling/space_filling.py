"""Space-filling points of a grid: where to begin, and how to place several at once."""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from lossatlas.landscape.sampling.interpolants import Array

_COARSE = 4  # points along each axis


def unit_grid(shape: Sequence[int]) -> Array:
    """Places of a grid's points, (points, axes), its longest axis from 0 to 1.

    >>> unit_grid((2, 3)).tolist()
    [[0.0, 0.0], [0.0, 0.5], [0.0, 1.0], [0.5, 0.0], [0.5, 0.5], [0.5, 1.0]]
    """
    places: Array = np.indices(shape).reshape(len(shape), -1).T / max(max(shape) - 1, 1)
    return places


def coarse_grid(shape: Sequence[int]) -> list[int]:
    """Indices of a few points of a grid: `_COARSE` along each axis, corners among them, and the centre.

    All of them, if an axis has fewer than three: no polynomial of second degree goes with those.

    >>> coarse_grid((7, 7))
    [0, 2, 4, 6, 14, 16, 18, 20, 24, 28, 30, 32, 34, 42, 44, 46, 48]
    """
    if min(shape) < 3:
        return list(range(prod(shape)))
    along = [np.unique(np.linspace(0, size - 1, _COARSE).round().astype(int)) for size in shape]
    coarse = np.stack(np.meshgrid(*along, indexing="ij"), axis=-1).reshape(-1, len(shape))
    places = np.concatenate([coarse, [[size // 2 for size in shape]]])
    return sorted({int(np.ravel_multi_index(tuple(place), tuple(shape))) for place in places})


def farthest_points(places: Array, scores: Array, distances: Array, number: int) -> NDArray[np.int64]:
    """Farthest points: indices of ``number`` of ``places``, (n, d), with high ``scores``, (n,), not close together.

    One after the other the place of the highest score is taken, and the scores around it are lowered: within
    about its own of the ``distances``, (n,), to what is measured, since measuring it tells of these.

    >>> line = np.arange(5.0)[:, None]
    >>> farthest_points(line, np.array([0.0, 1.0, 3.0, 2.9, 2.0]), np.full(5, 2.0), 2)  # not 2 and 3
    array([2, 4])
    """
    left = scores + 1e-12 * distances  # where nothing is uncertain, the farthest
    taken: list[int] = []
    for _ in range(min(number, len(places))):
        best = int(np.argmax(left))
        taken.append(best)
        squared = ((places - places[best]) ** 2).sum(axis=1)
        left *= -np.expm1(-2 * squared / distances[best] ** 2)
        left[taken] = -1.0
    return np.array(taken, dtype=np.int64)
