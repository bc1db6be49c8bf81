"""Points of a survey, each measured once. With several ranks: test_shards.py."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lossatlas.landscape.mapping.journal import Journal, finished_points
from lossatlas.landscape.mapping.map_points import map_points

Measure = Callable[[int], list[float]]
HEADER = {"survey": "s"}


@pytest.fixture
def seen() -> list[int]:
    """Points that `measure` has measured."""
    return []


@pytest.fixture
def measure(seen: list[int]) -> Measure:
    def measure(index: int) -> list[float]:
        seen.append(index)
        return [index / 7, -index]

    return measure


def test_only_what_the_journal_lacks_is_measured(tmp_path: Path, measure: Measure, seen: list[int]) -> None:
    first = map_points(4, measure, journal=tmp_path / "j", header=HEADER)
    lines = (tmp_path / "j").read_bytes().splitlines(keepends=True)
    (tmp_path / "j").write_bytes(b"".join([lines[0], lines[3], lines[1]]))  # points 2 and 0, in this order
    seen.clear()
    second = map_points(4, measure, journal=tmp_path / "j", header=HEADER)
    assert seen == [1, 3]
    assert np.array_equal(first, second)
    assert first.tolist() == [[index / 7, -index] for index in range(4)]


def test_points_may_be_asked_for_a_few_at_a_time(tmp_path: Path, measure: Measure, seen: list[int]) -> None:
    heard: list[tuple[int, int]] = []
    some = map_points(
        9,
        measure,
        indices=[7, 2, 7],
        journal=tmp_path / "j",
        header=HEADER,
        progress=lambda *of: heard.append(of),
    )
    assert some.tolist() == [[1.0, -7.0], [2 / 7, -2.0], [1.0, -7.0]]
    assert heard == [(0, 2), (1, 2), (2, 2)]
    heard.clear()
    more = map_points(
        9,
        measure,
        indices=[2, 3],
        journal=tmp_path / "j",
        header=HEADER,
        progress=lambda *of: heard.append(of),
    )
    assert more.tolist() == [[2 / 7, -2.0], [3 / 7, -3.0]]
    assert heard == [(1, 2), (2, 2)]
    assert seen == [7, 2, 3]
    assert map_points(9, measure, indices=[]).size == 0


def test_a_point_is_kept_before_it_is_reported(tmp_path: Path, measure: Measure, seen: list[int]) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        map_points(4, measure, journal=tmp_path / "j", header=HEADER, progress=stop)
    assert finished_points(tmp_path / "j", HEADER) == {0: [0.0, 0.0], 1: [1 / 7, -1.0]}
    map_points(4, measure, journal=tmp_path / "j", header=HEADER)
    assert seen == [0, 1, 2, 3]


def test_a_point_that_cannot_be_measured_loses_no_other(tmp_path: Path, seen: list[int]) -> None:
    def measure(index: int) -> list[float]:
        seen.append(index)
        return [1 / (2 - index)]

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            map_points(4, measure, journal=tmp_path / "j", header=HEADER)
    assert seen == [0, 1, 2, 2]


def test_what_several_ranks_left_behind_one_rank_completes(
    tmp_path: Path, measure: Measure, seen: list[int]
) -> None:
    path = tmp_path / "j"
    for name, index in (("j", 0), ("j.rank1", 1), ("j.rank12", 3)):
        with Journal(tmp_path / name, HEADER) as journal:
            journal.append(index, [index / 7, -index])
    with Journal(tmp_path / "other.rank1", HEADER) as journal:  # not of this journal
        journal.append(2, [9.0, 9.0])
    assert map_points(4, measure, journal=path, header=HEADER).tolist() == [
        [index / 7, -index] for index in range(4)
    ]
    assert seen == [2]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["j", "other.rank1"]
    assert len(finished_points(path, HEADER)) == 4


def test_a_journal_in_use_stops_the_survey_before_it_measures(
    tmp_path: Path, measure: Measure, seen: list[int]
) -> None:
    with (
        Journal(tmp_path / "j", HEADER),
        pytest.raises(
            BlockingIOError, match=f"being written by another process or survey: '{tmp_path / 'j'}'"
        ),
    ):
        map_points(4, measure, journal=tmp_path / "j", header=HEADER)
    assert seen == []


def test_values_that_are_no_numbers_of_python_come_back_the_same(tmp_path: Path) -> None:
    def measure(index: int) -> list[float]:
        return [np.float64(index) / 3, np.float64("nan")]  # type: ignore[list-item]

    first = map_points(2, measure, journal=tmp_path / "j", header=HEADER)
    assert np.array_equal(
        first, map_points(2, measure, journal=tmp_path / "j", header=HEADER), equal_nan=True
    )
