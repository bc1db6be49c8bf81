import pytest
import torch

from lossatlas.optim.distancing import EachCheckpoint, LastCheckpoint, MeanOfCheckpoints, Merging

CHECKPOINTS = [[torch.tensor([value, 0.0]), torch.tensor(-value)] for value in (1.0, 2.0, 6.0)]


def test_the_mean_is_of_all_checkpoints_alike() -> None:
    """One that is merged again and again, each time with the newest, would be at 3.75."""
    ((first, second),) = MeanOfCheckpoints()(CHECKPOINTS)
    assert first.equal(torch.tensor([3.0, 0.0]))
    assert second.equal(torch.tensor(-3.0))


def test_each_and_the_last_are_checkpoints_as_they_are() -> None:
    assert EachCheckpoint()(CHECKPOINTS) == CHECKPOINTS
    assert LastCheckpoint()(CHECKPOINTS) == CHECKPOINTS[2:]


@pytest.mark.parametrize("merging", [EachCheckpoint(), MeanOfCheckpoints(), LastCheckpoint()])
def test_without_checkpoints_there_is_no_centre(merging: Merging) -> None:
    assert merging([]) == []


def test_only_a_mean_asks_for_two() -> None:
    assert [merging.least for merging in (EachCheckpoint(), MeanOfCheckpoints(), LastCheckpoint())] == [
        1,
        2,
        1,
    ]
