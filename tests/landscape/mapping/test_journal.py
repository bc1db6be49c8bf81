import errno
import json
import os
import resource
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lossatlas.landscape import Journal
from lossatlas.landscape.mapping.journal import finished_points, first_difference, is_of

HEADER = {
    "survey": "surface",
    "axes": {"x": [0.1, 0.2]},
    "network": "Netz von Müller \N{SNOWMAN}",
    "loss": float("nan"),
}


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
    assert finished_points(tmp_path / "j", HEADER) == {7: [0.5]}  # as after a kill: it was never closed
    journal.close()


def test_a_file_that_ends_anywhere_is_completed_to_the_same_bytes(path: Path) -> None:
    """As after a kill, or a power cut, at any moment."""
    whole = path.read_bytes()
    ends = [index for index, byte in enumerate(whole, start=1) if byte == ord("\n")]
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with Journal(path, HEADER) as journal:
            assert list(journal.finished) == list(range(sum(end <= length for end in ends[1:])))
            for index in range(len(journal.finished), 3):
                journal.append(index, [index / 3, 2.0])
        assert path.read_bytes() == whole
    assert [file.name for file in path.parent.iterdir()] == [
        path.name
    ]  # nothing was taken for another survey's


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


def test_a_bit_that_has_changed_is_noticed_wherever_it_is(path: Path) -> None:
    whole, written = path.read_bytes(), _finished(path)
    header = whole.index(b"\n") + 1
    for place in range(header, len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            found = finished_points(path, HEADER)
            assert found.items() <= written.items()
            assert len(found) == whole[header:place].count(b"\n")  # those before the line
    for place in range(header):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert finished_points(path, HEADER) == {}


def test_a_journal_of_a_version_without_checksums_is_begun_again(path: Path) -> None:
    old = json.dumps({"journal": 1, **HEADER}) + "\n" + json.dumps({"index": 0, "values": [9.0, 9.0]}) + "\n"
    path.write_text(old)
    assert _finished(path) == {}
    assert path.with_name("surface.journal.stale").read_text() == old


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


@contextmanager
def _disk_with(bytes_of_a_file: int) -> Iterator[None]:
    """Have the system refuse to write files beyond a size, in the middle of a line if it comes so."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_of_a_file, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 1, 10, 33])
def test_a_full_disk_is_reported_and_loses_no_finished_point(path: Path, room: int) -> None:
    whole = path.read_bytes()
    with (
        _disk_with(len(whole) + room),
        pytest.raises(OSError, match=f"File too large: '{path}'") as raised,
        Journal(path, HEADER) as journal,
    ):
        journal.append(3, [1.0, 2.0])
    assert raised.value.errno == errno.EFBIG
    assert path.read_bytes() == whole
    with Journal(path, HEADER) as journal:  # there is room again
        assert list(journal.finished) == [0, 1, 2]
        journal.append(3, [1.0, 2.0])
    assert _finished(path)[3] == [1.0, 2.0]


def test_a_disk_too_full_for_the_header_leaves_an_empty_file(tmp_path: Path) -> None:
    with _disk_with(10), pytest.raises(OSError, match="File too large"):
        Journal(tmp_path / "j", HEADER)
    assert (tmp_path / "j").read_bytes() == b""
    assert _finished(tmp_path / "j") == {}


def test_a_disk_too_full_to_set_another_survey_aside_keeps_it(path: Path) -> None:
    whole = path.read_bytes()
    with _disk_with(10), pytest.raises(OSError, match=r"File too large: .*\.journal\.stale"):
        Journal(path, {"survey": "line"})
    assert path.read_bytes() == whole


def test_a_disk_found_full_only_when_it_is_synced_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As network file systems do; closing does not hide an earlier error behind it."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(OSError, match=f"No space left on device: '{tmp_path / 'j'}'"),
        Journal(tmp_path / "j", HEADER) as journal,
    ):
        journal.append(0, [1.0])
    with pytest.raises(KeyError, match="first"), Journal(tmp_path / "j", HEADER):
        raise KeyError("first")
    assert finished_points(tmp_path / "j", HEADER) == {0: [1.0]}


def test_two_surveys_cannot_write_one_journal_at_once(path: Path) -> None:
    with Journal(path, HEADER) as journal:
        for header in (HEADER, {"survey": "line"}):
            with pytest.raises(BlockingIOError, match="this journal is being written by another"):
                Journal(path, header)
        journal.append(3, [1.0, 2.0])
    assert list(_finished(path)) == [0, 1, 2, 3]


def test_points_are_synced_to_the_disk_at_most_every_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    synced: list[float] = []
    monkeypatch.setattr("lossatlas.landscape.mapping.journal.time.monotonic", lambda: now[0])
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(now[0]))
    with Journal(tmp_path / "j", HEADER) as journal:
        for index in range(30):
            now[0] += 0.25
            journal.append(index, [0.0])
    assert synced == [1.25, 2.5, 3.75, 5.0, 6.25, 7.5, 7.5]  # and when it is closed


def test_headers_are_compared_by_what_they_say() -> None:
    assert first_difference(HEADER, {**HEADER}) is None
    assert first_difference(HEADER, {**HEADER, "loss": 0.0}) == "loss"
    assert first_difference(HEADER, {**HEADER, "more": 0}) == "more"


def test_a_torn_header_is_anybodys(path: Path) -> None:
    assert is_of(path, HEADER)
    assert not is_of(path, {"survey": "line"})
    path.write_bytes(path.read_bytes()[:10])
    assert is_of(path, HEADER)
