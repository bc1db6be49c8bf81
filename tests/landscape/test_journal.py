import struct
from pathlib import Path

import pytest

from lossatlas.landscape import Journal

HEADER = {"survey": "surface", "axes": {"x": [0.1, 0.2]}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of three points."""
    path = tmp_path / "deep" / "surface.journal"
    with Journal(path, HEADER) as journal:
        for index in range(3):
            journal.append(index, [index / 3, 2.0])
    return path


def _finished(path: Path) -> dict[int, list[float]]:
    with Journal(path, HEADER) as journal:
        return journal.finished


def test_finished_points_come_back(path: Path) -> None:
    assert _finished(path) == {0: [0.0, 2.0], 1: [1 / 3, 2.0], 2: [2 / 3, 2.0]}


def test_floats_come_back_to_the_last_bit(tmp_path: Path) -> None:
    values = [0.1, 1 / 3, 5e-324, -0.0, 1.7976931348623157e308, float("inf"), float("-inf"), float("nan")]
    with Journal(tmp_path / "j", HEADER) as journal:
        journal.append(0, values)
    restored = _finished(tmp_path / "j")[0]
    assert [struct.pack("d", value) for value in restored] == [struct.pack("d", value) for value in values]


def test_a_point_is_in_the_file_as_soon_as_it_is_appended(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", HEADER)
    journal.append(7, [0.5])
    assert _finished(tmp_path / "j") == {7: [0.5]}  # as after a kill: the first journal was never closed
    journal.close()


@pytest.mark.parametrize("cut", range(1, 10))
def test_a_torn_last_line_is_dropped_and_written_again(path: Path, cut: int) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with Journal(path, HEADER) as journal:
        assert list(journal.finished) == [0, 1]
        journal.append(2, [2 / 3, 2.0])
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "garbage",
    [b"\x00" * 40 + b"\n", b"{}\n", b'{"index": 3, "values": ["x"]}\n', b"[1, 2]\n", b"\xff\xfe\n"],
    ids=["zeros", "no-index", "no-number", "no-mapping", "no-text"],
)
def test_what_follows_a_damaged_line_is_measured_again(path: Path, garbage: bytes) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], garbage, *lines[2:]]))
    with Journal(path, HEADER) as journal:
        assert list(journal.finished) == [0]
        journal.append(1, [1 / 3, 2.0])
    assert path.read_bytes() == b"".join(lines[:3])


@pytest.mark.parametrize("length", [0, 1, 20])
def test_a_file_torn_within_its_header_is_begun_anew(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    assert _finished(path) == {}
    assert _finished(path) == {}


def test_the_journal_of_another_survey_is_set_aside(path: Path) -> None:
    before = path.read_bytes()
    with Journal(path, {**HEADER, "axes": {"x": [0.1, 0.3]}}) as journal:
        assert journal.finished == {}
        journal.append(0, [9.0])
    assert path.with_name("surface.journal.stale").read_bytes() == before
    with Journal(path, {**HEADER, "axes": {"x": [0.1, 0.3]}}) as journal:
        assert journal.finished == {0: [9.0]}


@pytest.mark.parametrize("text", ["not a journal\n", "not a journal", "{}\n"])
def test_a_file_that_is_no_journal_is_set_aside(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes"
    path.write_text(text)
    assert _finished(path) == {}
    assert path.with_name("notes.stale").read_text() == text
