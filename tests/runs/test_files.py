"""Files are whole or absent."""

import errno
import hashlib
import json
import os
import signal
import stat
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.context import BaseContext
from pathlib import Path

import pytest
import torch
from processes import SERVER
from safetensors.torch import save_file

from lossatlas.files import remove_leftovers, replacing, set_aside, sha256, write_json, write_text
from lossatlas.runs.run_files import WholeCheckpointIO

NoRoom = Callable[[int], AbstractContextManager[None]]


def write_until_killed(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text("half of the new te")
        os.kill(os.getpid(), signal.SIGKILL)


def write_often(path: Path, letter: str) -> None:
    for _ in range(50):
        write_text(path, letter * 100_000)


def run_all(context: BaseContext, function: object, *calls: tuple[object, ...]) -> list[int | None]:
    processes = [context.Process(target=function, args=arguments) for arguments in calls]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    return [process.exitcode for process in processes]


def test_a_file_gets_its_new_content_at_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("sync", [True, False])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path, sync: bool) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    @replacing(path, sync=sync)
    def fail() -> None:
        (temporary,) = set(tmp_path.iterdir()) - {path}
        temporary.write_text("half")
        raise KeyError("reason")

    with pytest.raises(KeyError, match="reason"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_that_is_killed_leaves_the_old_file_and_a_leftover_that_can_be_removed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    assert run_all(SERVER, write_until_killed, (path,)) == [-signal.SIGKILL]
    assert path.read_text() == "old"
    (leftover,) = set(tmp_path.iterdir()) - {path}
    assert leftover.read_text() == "half of the new te"
    remove_leftovers(tmp_path, keep=["other"])
    assert list(tmp_path.iterdir()) == [path]


def test_the_leftovers_of_a_file_that_others_may_be_writing_are_kept_for_a_minute(tmp_path: Path) -> None:
    dead = tmp_path / ".progress.json.k1ll3d_0.tmp"
    dead.touch()
    with replacing(tmp_path / "progress.json") as temporary:
        remove_leftovers(tmp_path, keep=["*.png", "progress.json"])
        assert dead.exists()
        os.utime(dead, (0, 0))
        remove_leftovers(tmp_path, keep=["*.png", "progress.json"])
        temporary.write_text("{}")
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]
    remove_leftovers(tmp_path / "absent", keep=["progress.json"])


def write_checkpoint(path: Path) -> None:
    WholeCheckpointIO().save_checkpoint({"weights": torch.zeros(10_000)}, path)


def write_weights(path: Path) -> None:
    with replacing(path) as temporary:
        save_file({"weights": torch.zeros(10_000)}, temporary)


def write_long_text(path: Path) -> None:
    write_text(path, "x" * 40_000)


@pytest.mark.parametrize("write", [write_checkpoint, write_weights, write_long_text])
def test_where_there_is_no_room_the_error_names_the_file_whoever_writes_it(
    tmp_path: Path, no_room_beyond: NoRoom, write: Callable[[Path], None]
) -> None:
    """torch tells of a position that it did not expect, safetensors in a class of its own."""
    with no_room_beyond(4_000), pytest.raises(OSError, match="File too large") as raised:
        write(tmp_path / "file")
    assert (raised.value.errno, raised.value.filename) == (errno.EFBIG, str(tmp_path / "file"))
    assert list(tmp_path.iterdir()) == []


def test_another_files_error_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"), replacing(tmp_path / "file"):
        (tmp_path / "absent").read_text()
    with pytest.raises(ValueError, match="mine"), replacing(tmp_path / "file"):
        raise ValueError("mine")


def test_a_reader_beside_many_writers_never_sees_a_mixture(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "a" * 100_000)
    seen, done = set(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    exits = run_all(SERVER, write_often, *((path, letter) for letter in "abc"))
    done.set()
    reader.join()
    assert exits == [0, 0, 0]
    assert seen <= {letter * 100_000 for letter in "abc"}
    assert len(seen) > 1
    assert list(tmp_path.iterdir()) == [path]


def test_files_have_the_permissions_that_the_umask_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "file", "")
        assert os.umask(0o027) == 0o027, "writing has changed the umask"
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_json_keeps_every_digit_and_ends_with_a_line(tmp_path: Path) -> None:
    value = {"b": 0.1 + 0.2, "a": [1, None, "é"]}
    write_json(tmp_path / "file", value)
    assert json.loads((tmp_path / "file").read_text()) == value
    assert list(json.loads((tmp_path / "file").read_text())) == ["b", "a"]
    assert (tmp_path / "file").read_text().endswith("}\n")


def test_sha256_is_that_of_the_standard_for_abc(tmp_path: Path) -> None:
    """FIPS 180-4's example, and a file of more than one block."""
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "long").write_bytes(b"x" * 3_000_000)
    assert sha256(tmp_path / "long") == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_what_is_set_aside_is_numbered(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    for n in (1, 2):
        path.write_text(str(n))
        assert set_aside(path) == tmp_path / f"file.json.damaged-{n}"
    assert not path.exists()
    assert (tmp_path / "file.json.damaged-1").read_text() == "1"
