"""Trees of the lowest saddles, against all trees and all ways gone through one by one."""

from itertools import combinations, pairwise, permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from lossatlas.landscape.connectivity.spanning_tree import _minimum_spanning_tree


def saddles_between(minima: int, seed: int) -> NDArray[np.float64]:
    drawn = np.random.default_rng(seed).uniform(size=(minima, minima))
    matrix = np.triu(drawn, 1) + np.triu(drawn, 1).T
    np.fill_diagonal(matrix, np.nan)
    return matrix


@pytest.mark.parametrize("seed", range(5))
def test_no_other_tree_has_lower_saddles(seed: int) -> None:
    matrix = saddles_between(5, seed)
    pairs = list(combinations(range(5), 2))
    least = min(sum(matrix[pair] for pair in tree) for tree in combinations(pairs, 4) if _joins_all(tree, 5))
    tree = _minimum_spanning_tree(matrix)
    assert tree.saddles.sum() == pytest.approx(least, rel=1e-12)
    assert tree.saddles.tolist() == [matrix[i, j] for i, j in tree.edges.tolist()] == sorted(tree.saddles)


@pytest.mark.parametrize("seed", range(5))
def test_between_two_minima_no_way_over_others_climbs_less(seed: int) -> None:
    matrix = saddles_between(5, seed)
    highest = _minimum_spanning_tree(matrix).highest
    for start, end in combinations(range(5), 2):
        between = [k for k in range(5) if k not in (start, end)]
        ways = [(start, *over, end) for n in range(4) for over in permutations(between, n)]
        least = min(max(matrix[i, j] for i, j in pairwise(way)) for way in ways)
        assert highest[start, end] == highest[end, start] == least


def test_the_climb_between_two_minima_is_scipys_single_linkage() -> None:
    matrix = saddles_between(30, 0)
    highest = _minimum_spanning_tree(matrix).highest
    merges = linkage(squareform(np.nan_to_num(matrix)), method="single")
    assert np.unique(highest[~np.isnan(highest)]) == pytest.approx(merges[:, 2])
    assert np.isnan(np.diag(highest)).all()


def test_a_saddle_of_loss_zero_is_an_edge() -> None:
    """scipy takes a weight of zero for no edge."""
    tree = _minimum_spanning_tree([[0.0, 0.0, 2.0], [0.0, 0.0, 1.0], [2.0, 1.0, 0.0]])
    assert tree.edges.tolist() == [[0, 1], [1, 2]]
    assert tree.saddles.tolist() == [0.0, 1.0]


def test_bands_need_not_run_between_all_pairs() -> None:
    nan = np.nan
    tree = _minimum_spanning_tree([[nan, 3.0, nan], [3.0, nan, 1.0], [nan, 1.0, nan]])
    assert tree.edges.tolist() == [[1, 2], [0, 1]]
    assert tree.highest[0, 2] == 3.0


@pytest.mark.parametrize(
    ("saddles", "message"),
    [
        ([[0.0, 1.0]], r"saddles must be \(N, N\) with N >= 2, got \(1, 2\)"),
        ([[0.0, 1.0], [2.0, 0.0]], "saddles must be symmetric"),
        (
            [[np.nan, 1.0, np.nan], [1.0, np.nan, np.nan], [np.nan, np.nan, np.nan]],
            "no chain of bands joins minimum 0 and minimum 2",
        ),
    ],
)
def test_what_joins_no_minima_is_refused(saddles: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _minimum_spanning_tree(saddles)


def _joins_all(tree: tuple[tuple[int, int], ...], minima: int) -> bool:
    reached = {0}
    for _ in range(minima):
        reached |= {k for pair in tree if reached & set(pair) for k in pair}
    return len(reached) == minima
