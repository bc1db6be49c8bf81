"""The index of a store: never needed, and never what is listed where the records say otherwise."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.store import index
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.index import INDEX, Listed, comparable, list_runs
from lossatlas.runs.store.manifest import new_manifest
from lossatlas.runs.store.store import Run, Store, StoreError


def started(root: Path, seed: int, status: str = "finished") -> Run:
    """The record of a run, as it is written."""
    job = compose_job([f"seed={seed}", "model=mlp", "logger=none"])
    run = Store(root).run(fingerprint(job.config))
    run.folder.mkdir(parents=True)
    run.write_config(job.config)
    manifest = new_manifest(run.fingerprint, 1, seed=seed, experiment=None, overrides=list(job.overrides))
    day = f"2026-11-{10 - seed:02d}T10:00:00.000+00:00"  # later seeds were asked for earlier
    metrics = {"test_error": seed / 100}
    run.write_manifest(replace(manifest, status=status, created=day, epochs=seed, metrics=metrics))
    return run


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stored")
    for seed in (1, 2, 3):
        started(root, seed)
    return root


@pytest.fixture
def root(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of three runs, whose files are old enough to be told from later ones."""
    monkeypatch.setattr(index, "_SETTLED_NS", -(10**12))
    return Path(shutil.copytree(stored, tmp_path / "runs"))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fingerprints of the runs whose configuration was read, in their order."""
    read: list[str] = []
    config = Run.config
    monkeypatch.setattr(Run, "config", lambda run: (read.append(run.fingerprint), config(run))[1])
    return read


def seeds(listed: list[Listed]) -> list[str]:
    return [entry.record.settings["seed"] if entry.record else entry.status for entry in listed]


def without_index(root: Path) -> list[Listed]:
    (root / INDEX).unlink(missing_ok=True)
    return list_runs(Store(root))


def plain(listed: list[Listed]) -> list[tuple[object, ...]]:
    return [(entry.run.fingerprint, entry.record, entry.status) for entry in listed]


def test_runs_are_listed_oldest_first_and_read_once(root: Path, reads: list[str]) -> None:
    first = list_runs(Store(root))
    assert seeds(first) == ["3", "2", "1"]
    assert [entry.record.metrics["test_error"] for entry in first if entry.record] == [0.03, 0.02, 0.01]
    assert len(reads) == 3
    assert plain(list_runs(Store(root))) == plain(first)
    assert len(reads) == 3


def test_a_run_that_is_written_again_is_read_again_and_no_other(root: Path, reads: list[str]) -> None:
    first = list_runs(Store(root))
    reads.clear()
    run = first[1].run
    manifest = run.manifest()
    assert manifest is not None
    run.write_manifest(replace(manifest, epochs=7))
    again = list_runs(Store(root))
    assert again[1].record is not None
    assert (again[1].record.epochs, reads) == (7, [run.fingerprint])
    started(root, 4)
    shutil.rmtree(first[0].run.folder)
    assert seeds(list_runs(Store(root))) == ["4", "2", "1"]
    assert len(reads) == 2


def test_an_edit_that_keeps_size_and_time_is_seen(root: Path) -> None:
    (entry, *_) = list_runs(Store(root))
    for path, old, new in (
        (entry.run.config_path, b"\nseed: 3\n", b"\nseed: 5\n"),
        (entry.run.manifest_path, b'"finished"', b'"finished!'),
    ):
        before = path.stat()
        content = path.read_bytes()
        assert old in content
        with path.open("rb+") as file:  # the same inode
            file.write(content.replace(old, new))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
        assert plain(list_runs(Store(root))) == plain(without_index(root))
    assert seeds(list_runs(Store(root))) == ["damaged", "2", "1"]


def test_what_was_written_just_now_is_not_kept(
    root: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system with coarse times the next write may have the same."""
    monkeypatch.setattr(index, "_SETTLED_NS", 3600 * 10**9)
    list_runs(Store(root))
    assert not (root / INDEX).exists()
    list_runs(Store(root))
    assert len(reads) == 6


def test_what_a_killed_process_left_of_an_index_goes_with_the_next(root: Path) -> None:
    old, fresh = (root / f".{INDEX}.{name}.tmp" for name in ("old_0000", "new_0000"))
    old.touch()
    os.utime(old, (0, 0))
    fresh.touch()  # another process may be writing it
    list_runs(Store(root))
    assert (root / INDEX).exists()
    assert (old.exists(), fresh.exists()) == (False, True)


def test_a_damaged_index_changes_nothing(root: Path) -> None:
    expected = plain(list_runs(Store(root)))
    whole = (root / INDEX).read_bytes()
    damaged = [whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :] for n in range(0, len(whole), 97)]
    for content in (*damaged, b"", whole[:-1], whole + b"}", b"[]\n[]", b"\xff\n\xff"):
        (root / INDEX).write_bytes(content)
        assert plain(list_runs(Store(root))) == expected
    assert (root / INDEX).read_bytes() == whole


def test_an_index_of_other_code_or_another_store_is_not_used(
    root: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    list_runs(Store(root))
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    list_runs(Store(copy))
    assert len(reads) == 6
    monkeypatch.setattr(index, "_FORMAT", "another")
    list_runs(Store(root))
    assert len(reads) == 9


def test_a_store_that_cannot_be_written_is_listed_without_an_index(
    root: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(index.tempfile, "TemporaryFile", refuse)
    assert seeds(list_runs(Store(root))) == seeds(list_runs(Store(root))) == ["3", "2", "1"]
    assert len(reads) == 6
    assert not (root / INDEX).exists()
    monkeypatch.undo()
    monkeypatch.setattr(index, "_SETTLED_NS", -(10**12))
    monkeypatch.setattr(index, "replacing", refuse)  # as where the disk is full
    assert seeds(list_runs(Store(root))) == ["3", "2", "1"]
    assert not (root / INDEX).exists()


def test_a_record_that_cannot_be_read_is_tried_anew_each_time(root: Path) -> None:
    run = list_runs(Store(root))[1].run
    whole = run.config_path.read_bytes()
    run.config_path.write_bytes(b"\x00{")
    listed = list_runs(Store(root))
    assert seeds(listed) == ["damaged", "3", "1"]
    assert listed[0].problem
    run.config_path.unlink()
    assert seeds(list_runs(Store(root))) == ["damaged", "3", "1"]
    run.config_path.write_bytes(whole)
    assert seeds(list_runs(Store(root))) == ["3", "2", "1"]


def test_a_run_whose_process_is_gone_is_interrupted_whatever_the_index_says(root: Path) -> None:
    run = started(root, 4, status="running")
    assert list_runs(Store(root))[0].status == "interrupted"
    with run.lock(print):
        assert list_runs(Store(root))[0].status == "running"
    kept = json.loads((root / INDEX).read_bytes().split(b"\n", 1)[1])[1]
    assert {name: status for name, _, status, *_ in kept}[run.fingerprint] == "running"


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    assert list_runs(Store(tmp_path / "absent")) == []
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file: cannot be read \(Not a directory\)$"):
        list_runs(Store(tmp_path / "file"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0.1", "1e-1", True),
        ("[64, 64]", "[64,64]", True),
        ("[64, 64]", "[64,6]", False),
        ("['relu', True, None]", "[relu,true,null]", True),
        ("nan", "nan", True),
        ("", "", True),
        ("1", "[1]", False),
        ("sgd", "SGD", False),
    ],
)
def test_values_are_compared_and_not_how_they_are_written(one: str, other: str, same: bool) -> None:
    assert (comparable(one) == comparable(other)) == same


def test_a_configuration_that_is_within_itself_takes_the_listing_not_down(root: Path) -> None:
    run, *others = Store(root).runs()
    run.config_path.write_text("a: &a [*a]\n")
    listed = {entry.run.fingerprint: entry for entry in list_runs(Store(root))}
    assert listed[run.fingerprint].status == "damaged"
    assert len(listed) == 1 + len(others)
    (root / INDEX).write_text("[" * 100_000)
    assert len(list_runs(Store(root))) == 1 + len(others)
