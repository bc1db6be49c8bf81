"""Pivots whose number grows while their tensors keep their shapes."""

import pytest
import torch
from torch.testing import assert_close

from lossatlas.studies.elastic_band.pivots import Pivots

ENDS = torch.tensor([[0.0, 1.0], [4.0, 1.0]])


def test_they_begin_evenly_on_the_straight_line() -> None:
    pivots = Pivots(ENDS, 3, room=5)
    assert len(pivots) == 3
    assert_close(pivots.points, torch.tensor([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [3.0, 1.0], [4.0, 1.0]]))
    assert_close(pivots.shares, torch.full((4,), 0.25))
    assert pivots.lengths() == (4.0, 4.0)


def test_more_of_them_travel_through_a_state_dict() -> None:
    pivots = Pivots(ENDS, 1, room=3)
    more = torch.tensor([[0.0, 1.0], [1.0, 2.0], [3.0, 2.0], [4.0, 1.0]])
    pivots.replace(more, torch.tensor([0.3, 0.5, 0.2]))
    other = Pivots(ENDS, 1, room=3)
    other.load_state_dict(pivots.state_dict())
    assert len(other) == 2
    assert torch.equal(other.points, more)
    assert torch.equal(other.shares, torch.tensor([0.3, 0.5, 0.2]))


def test_fewer_leave_nothing_behind() -> None:
    """Rows that are out of use are zero, so that nothing of them is in a checkpoint or a norm."""
    pivots = Pivots(ENDS, 3, room=3)
    pivots.replace(torch.tensor([[0.0, 1.0], [2.0, 5.0], [4.0, 1.0]]), torch.tensor([0.5, 0.5]))
    assert len(pivots) == 1
    assert not pivots.rows[1:].any()
    assert pivots.lengths()[0] == pytest.approx(2 * 20**0.5)


def test_they_are_spread_out_by_their_shares() -> None:
    pivots = Pivots(ENDS, 2, room=4)
    pivots.replace(
        torch.tensor([[0.0, 1.0], [0.1, 1.0], [0.2, 1.0], [4.0, 1.0]]), torch.tensor([0.5, 0.25, 0.25])
    )
    pivots.space_evenly()
    assert_close(pivots.points[:, 0], torch.tensor([0.0, 2.0, 3.0, 4.0]))


@pytest.mark.parametrize("count", [0, 4])
def test_there_is_at_least_one_and_room_for_all(count: int) -> None:
    with pytest.raises(ValueError, match=f"pivots must be 1 to 3, got {count}"):
        Pivots(ENDS, count, room=3)
