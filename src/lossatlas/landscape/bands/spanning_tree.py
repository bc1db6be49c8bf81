"""Which bands join several minima with the lowest saddles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree


@dataclass(frozen=True, eq=False)
class SpanningTree:
    """The tree of lowest saddles over N minima.

    ``edges`` (N - 1, 2): the minima that each joins, the lower number first, by saddle, the lowest first.
    ``saddles`` (N - 1,): the loss at the saddle of each edge.
    ``highest`` (N, N): the loss that one must climb to on the best way between two minima, over any others, among all
    pairs that were given: the minimax path, which lies in the tree. NaN on the diagonal.
    """

    edges: NDArray[np.int64]
    saddles: NDArray[np.float64]
    highest: NDArray[np.float64]


def spanning_tree(saddles: ArrayLike) -> SpanningTree:
    """The minimum spanning tree of ``saddles`` (N, N), the saddle's loss between each two minima, NaN where not known.

    As Draxler et al. 2018 (arXiv:1803.00885) summarise their bands; by scipy's `minimum_spanning_tree`.
    ValueError if the matrix is not square and symmetric, or if its pairs do not join all minima.

    >>> nan = float("nan")
    >>> tree = spanning_tree([[nan, 1.0, 5.0], [1.0, nan, 2.0], [5.0, 2.0, nan]])
    >>> tree.edges.tolist(), tree.saddles.tolist()
    ([[0, 1], [1, 2]], [1.0, 2.0])
    >>> float(tree.highest[0, 2])  # by way of 1, where the direct way climbs to 5
    2.0
    """
    matrix = np.asarray(saddles, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise ValueError(f"saddles must be (N, N) with N >= 2, got {matrix.shape}")
    if not np.array_equal(matrix, matrix.T, equal_nan=True):
        raise ValueError("saddles must be symmetric: a saddle is the same from both sides")
    known = ~np.isnan(matrix)
    np.fill_diagonal(known, False)
    parts, part_of = connected_components(known, directed=False)
    if parts > 1:
        apart = int(np.flatnonzero(part_of != part_of[0])[0])
        raise ValueError(f"no chain of bands joins minimum 0 and minimum {apart}")
    # Ranks stand for losses: scipy takes 0 for the lack of an edge, and has only the order of the weights to go by.
    ranks = np.zeros(matrix.shape)
    ranks[known] = np.unique(matrix[known], return_inverse=True)[1] + 1.0
    rows, columns = minimum_spanning_tree(ranks).nonzero()
    edges = np.sort(np.stack([rows, columns], axis=1), axis=1).astype(np.int64)
    of_edges = matrix[edges[:, 0], edges[:, 1]]
    order = np.lexsort((edges[:, 1], edges[:, 0], of_edges))
    return SpanningTree(edges[order], of_edges[order], _highest(edges[order], of_edges[order], len(matrix)))


def _highest(edges: NDArray[np.int64], saddles: NDArray[np.float64], minima: int) -> NDArray[np.float64]:
    """Largest saddle on the tree's way between each two minima: parts are joined from the lowest on, as by Kruskal."""
    part_of = np.arange(minima)
    highest = np.full((minima, minima), np.nan)
    for (first, second), saddle in zip(edges, saddles, strict=True):
        one, other = part_of == part_of[first], part_of == part_of[second]
        highest[np.ix_(one, other)] = highest[np.ix_(other, one)] = saddle
        part_of[other] = part_of[first]
    return highest
