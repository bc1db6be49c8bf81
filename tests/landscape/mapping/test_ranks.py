"""Processes that share a survey. What takes more than one is in test_shards.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch.distributed as dist

from lossatlas.landscape.mapping.map_points import map_points
from lossatlas.landscape.mapping.ranks import Ranks, alone, ranks


@pytest.fixture
def distributed(tmp_path: Path) -> Iterator[None]:
    """torch.distributed with this process alone in it."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_shares_are_all_there_is_and_differ_by_one_at_most() -> None:
    for world_size in range(1, 9):
        shares = [Ranks(rank, world_size).share(list(range(7))) for rank in range(world_size)]
        assert sorted(item for share in shares for item in share) == list(range(7))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_without_torch_distributed_there_is_one_rank() -> None:
    assert ranks() == Ranks(0, 1)


@pytest.mark.usefixtures("distributed")
def test_a_launch_of_one_process_is_one_rank() -> None:
    assert ranks() == Ranks(0, 1)
    assert map_points(2, lambda index: [index]).tolist() == [[0.0], [1.0]]


def test_a_process_can_survey_alone_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_rank", lambda: 2)
    monkeypatch.setattr(dist, "get_world_size", lambda: 4)
    assert ranks() == Ranks(2, 4)
    with alone():
        assert ranks() == Ranks(0, 1)
    assert ranks() == Ranks(2, 4)


def test_what_fails_in_the_only_process_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):
        Ranks(0, 1).attempt(lambda: {}["mine"])
