"""Topology of a function on a grid: its local minima, and the pieces that its sublevel sets fall into.

Here the eight points around a grid point are its neighbours, so a valley that runs diagonally between coarse
points is one valley: what is counted is counted sparingly. Values that are NaN or infinite lie above all others,
so that no path crosses them. An array that is NaN throughout was not surveyed and gives NaN.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Array = NDArray[np.float64]

_AROUND = np.ones((3, 3))
_HALF_AROUND = [(0, 1), (1, -1), (1, 0), (1, 1)]  # steps to half of the neighbours: each pair is met once


def components(z: ArrayLike, level: float) -> float:
    """Number of connected components of {z < level}; 0 where nothing lies below.

    ``z``: (Y, X). Components that reach the edge of the grid count; beyond it they may be joined.

    >>> two_wells = [[0, 9, 0], [0, 9, 0], [0, 9, 9]]
    >>> components(two_wells, level=1), components(two_wells, level=10)
    (2.0, 1.0)
    """
    plane = _plane(z)
    if np.isnan(plane).all():
        return np.nan
    _, number = ndimage.label(_above_all(plane) < level, structure=_AROUND)
    return float(number)


def local_minima(z: ArrayLike, prominence: float) -> float:
    """Number of local minima within the grid that one must climb by more than ``prominence`` to leave downhill.

    The prominence of a minimum is the height of the lowest pass to a point below it, above the minimum; that of
    the lowest of all is infinite (in topological data analysis, the persistence of the component of the sublevel
    sets that is born there; Edelsbrunner & Harer 2010, section VII.1). A threshold above the rounding error keeps
    noise from counting. A plateau is one minimum. Minima at the edge of the grid do not count: the function may
    go on falling beyond.

    ``z``: (Y, X). ValueError if ``prominence`` is negative.

    >>> z = np.full((3, 7), 9.0)
    >>> z[1, 1:6] = [0, 3, 2.9, 3, 1]
    >>> local_minima(z, prominence=0), local_minima(z, prominence=0.5)
    (3.0, 2.0)
    """
    if prominence < 0:
        raise ValueError(f"prominence must be 0 or above, got {prominence:g}")
    plane = _plane(z)
    if np.isnan(plane).all():
        return np.nan
    places, prominences = minima(plane)
    at_edge = ((places == 0) | (places == np.array(plane.shape) - 1)).any(axis=1)
    return float((~at_edge & (prominences > prominence)).sum())


def minima(z: ArrayLike) -> tuple[NDArray[np.intp], Array]:
    """Places (M, 2) and prominences (M,) of the local minima, the lowest first; see `local_minima`.

    ``z``: (Y, X). A plateau is placed at one of its points, at the edge if it has one there.

    >>> places, prominences = minima([[0, 3, 2, 3, 1]])
    >>> places[:, 1], prominences
    (array([0, 4, 2]), array([inf,  2.,  1.]))
    """
    plane = _above_all(_plane(z))
    heights = plane.ravel()
    edge = np.ones(plane.shape, bool)
    edge[1:-1, 1:-1] = False
    order = np.lexsort((~edge.ravel(), heights))
    order = order[np.isfinite(heights[order])]
    births, deaths = _births_and_deaths(heights, order, _neighbours(plane.shape))
    prominences = deaths - heights[births]
    lasting = prominences > 0  # points of a plateau that were met apart are joined at their own height
    return np.stack(np.unravel_index(births[lasting], plane.shape), axis=1), prominences[lasting]


def _births_and_deaths(
    z: Array, order: NDArray[np.intp], neighbours: Sequence[Sequence[int]]
) -> tuple[NDArray[np.intp], Array]:
    """Points of ``order``, which ascends, at which a component is born, and the heights at which it meets an older one.

    Union-find: each point's parent is an older point of its component, the oldest is its own.
    """
    parent: dict[int, int] = {}
    age: dict[int, int] = {}
    death: dict[int, float] = {}

    def oldest(point: int) -> int:
        while parent[point] != point:
            parent[point] = parent[parent[point]]
            point = parent[point]
        return point

    for rank, point in enumerate(order.tolist()):
        parent[point], age[point] = point, rank
        met = sorted({oldest(near) for near in neighbours[point] if near in parent}, key=age.__getitem__)
        if not met:
            death[point] = np.inf
        for younger in met[1:]:
            death[younger] = float(z[point])
            parent[younger] = met[0]
        if met:
            parent[point] = met[0]
    return np.array(list(death), dtype=np.intp), np.array(list(death.values()), dtype=float)


def _neighbours(shape: tuple[int, ...]) -> list[list[int]]:
    """Flat indices of the up to eight points around each point of a grid."""
    index = np.arange(np.prod(shape)).reshape(shape)
    near: list[list[int]] = [[] for _ in range(index.size)]
    for down, right in _HALF_AROUND:
        one = index[: shape[0] - down, max(0, -right) : shape[1] - max(0, right)]
        two = index[down:, max(0, right) : shape[1] + min(0, right)]
        for a, b in zip(one.ravel().tolist(), two.ravel().tolist(), strict=True):
            near[a].append(b)
            near[b].append(a)
    return near


def _above_all(z: Array) -> Array:
    return np.where(np.isfinite(z), z, np.inf)


def _plane(z: ArrayLike) -> Array:
    plane = np.asarray(z, float)
    if plane.ndim != 2:
        raise ValueError(f"z must be (Y, X), got {plane.shape}")
    return plane
