"""Where a band gets further pivots."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lossatlas.studies.elastic_band.pivots import evenly_between, insert_pivots, insertions


def test_a_pivot_goes_to_the_highest_excess_over_the_straight_line_of_the_losses() -> None:
    """On a parabola 4 t (1 - t) between two ends of loss 0 and 1: the excess is the parabola itself."""
    t = np.linspace(0, 1, 11)
    ((where,),) = insertions([t + 4 * t * (1 - t)], threshold=0.2, most=5)
    assert where == pytest.approx(0.5)


@pytest.mark.parametrize(("bump", "inserted"), [(0.39, 0), (0.41, 1)])
def test_the_threshold_is_a_share_of_the_range_of_the_pivots_losses(bump: float, inserted: int) -> None:
    """Losses of the pivots 0, 2 and 1: a fifth of their range is 0.4."""
    losses = [[0.0, 1.0 + bump, 2.0], [2.0, 1.5, 1.0]]
    assert [len(each) for each in insertions(losses, threshold=0.2, most=9)] == [inserted, 0]


def test_a_dip_between_pivots_asks_for_none() -> None:
    assert insertions([[1.0, -5.0, 0.0]], threshold=0.0, most=9) == [[]]


def test_no_more_than_so_many_pivots_come_where_the_excess_is_largest() -> None:
    losses = [[0.0, 3.0, 0.0], [0.0, 9.0, 0.0], [0.0, 1.0, 0.0], [0.0, 5.0, 1.0]]
    assert insertions(losses, threshold=0.2, most=2) == [[], [0.5], [], [0.5]]
    assert insertions(losses, threshold=0.2, most=0) == [[], [], [], []]


def test_a_filled_band_is_the_same_line_and_shares_stay_in_proportion() -> None:
    points = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    more, shares = insert_pivots(points, torch.tensor([0.6, 0.4]), [[0.25, 0.5], []])
    assert torch.equal(more[[0, 3, 4]], points)
    assert_close(more[1:3], points[0] + torch.tensor([[0.25], [0.5]]) * (points[1] - points[0]))
    assert_close(shares, torch.tensor([0.15, 0.15, 0.3, 0.4]))


def test_pivots_evenly_between_are_evenly_spread() -> None:
    assert evenly_between(2, 1) == [[0.5], [0.5]]
    assert evenly_between(1, 0) == [[]]


@pytest.mark.parametrize(
    ("losses", "changed", "message"),
    [
        ([[0.0, 1.0]], {}, r"losses must be \(gaps, positions \+ 2\).*got \(1, 2\)"),
        ([[0.0, 1.0, 0.0]], {"threshold": -0.1}, "threshold and most must be >= 0, got -0.1 and 2"),
        ([[0.0, 1.0, 0.0]], {"most": -1}, "threshold and most must be >= 0, got 0.2 and -1"),
    ],
)
def test_numbers_out_of_their_range_are_refused(
    losses: list[list[float]], changed: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        insertions(losses, **({"threshold": 0.2, "most": 2} | changed))
