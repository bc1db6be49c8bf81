"""Pivots spread along a band."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lossatlas.studies.elastic_band.pivots import evenly_spaced, gaps


def test_pivots_lie_where_numpy_puts_them_on_the_old_chain() -> None:
    points = torch.randn(7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shares = torch.tensor([3.0, 1.0, 1.0, 2.0, 0.5, 4.0], dtype=torch.float64)
    length = np.concatenate([[0], np.linalg.norm(np.diff(points.numpy(), axis=0), axis=1).cumsum()])
    wanted = np.concatenate([[0], shares.numpy().cumsum()]) / shares.numpy().sum() * length[-1]
    expected = np.stack([np.interp(wanted, length, column) for column in points.numpy().T], axis=1)
    assert_close(evenly_spaced(points, shares), torch.from_numpy(expected), rtol=1e-12, atol=1e-12)


def test_on_a_straight_line_the_gaps_are_the_shares() -> None:
    points = torch.tensor([[0.0, 0.0], [0.1, 0.2], [0.9, 1.8], [1.0, 2.0]])
    shares = torch.tensor([0.5, 0.3, 0.2])
    moved = gaps(evenly_spaced(points, shares))
    assert_close(moved / moved.sum(), shares)


def test_ends_stay_to_the_last_bit() -> None:
    points = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    moved = evenly_spaced(points, torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert torch.equal(moved[0], points[0])
    assert torch.equal(moved[-1], points[-1])


def test_pivots_that_coincide_are_drawn_apart() -> None:
    points = torch.tensor([[0.0], [0.0], [0.0], [3.0]])
    assert_close(evenly_spaced(points, torch.ones(3)).flatten(), torch.tensor([0.0, 1.0, 2.0, 3.0]))


@pytest.mark.parametrize("shares", [[0.5], [0.5, 0.0], [1.0, float("nan")]])
def test_each_gap_needs_a_positive_share(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="shares must be positive, one for each of 2 gaps"):
        evenly_spaced(torch.zeros(3, 1), torch.tensor(shares))
