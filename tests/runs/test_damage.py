"""What is damaged is named, set aside and computed again, to the same bits; what cannot be used is said in a line."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import Process, Signal
from small_runs import EPOCH, RANDOM, Config, manifest_of, record, run_of, small, trained

from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.store import Run, StoreError

SNAPSHOT = "snapshots/epoch-0001.safetensors"
RESULTS = ["manifest.json", "weights.safetensors", "history.csv", "config.yaml", SNAPSHOT]

Damage = Callable[[Path], object]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    """In the middle, where the numbers are, and such that text stays text."""
    content = bytearray(path.read_bytes())
    middle = next(k for k in range(len(content) // 2, len(content)) if content[k] not in b' "\n,:{}-.')
    content[middle] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [truncate, flip_a_bit, empty, replace_by_a_folder]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Run:
    store = tmp_path_factory.mktemp("store")
    return trained(small(store, *RANDOM, "study.snapshot_epochs=[0,1,2]"))


@pytest.fixture
def config(tmp_path: Path, original: Run) -> Config:
    """Configuration of a copy of the original."""
    config = small(tmp_path, *RANDOM, "study.snapshot_epochs=[0,1,2]")
    shutil.copytree(original.folder, tmp_path / fingerprint(config))
    return config


def asked_again(config: Config) -> tuple[dict[str, Any], list[str]]:
    said: list[str] = []
    run = ensure(config, say=said.append)
    assert run.is_finished()
    return record(run), said


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(("manifest.json", damage) for damage in DAMAGES),
        *(("weights.safetensors", damage) for damage in DAMAGES),
        *((name, damage) for name in RESULTS[2:] for damage in (truncate, flip_a_bit)),
    ],
)
def test_a_damaged_file_of_a_finished_run_is_named_set_aside_and_computed_again(
    original: Run, config: Config, name: str, damage: Damage
) -> None:
    path = run_of(config).folder / name
    damage(path)
    assert not run_of(config).is_finished()
    again, said = asked_again(config)
    assert again == record(original)
    assert said[0].startswith(f"{path}: ")
    assert f"; set aside as {path.name}.damaged-1" in said[0]
    assert path.with_name(f"{path.name}.damaged-1").exists()
    assert asked_again(config) == (again, [])


@pytest.mark.parametrize("name", RESULTS[1:])
def test_a_missing_file_of_a_finished_run_is_named_and_computed_again(
    original: Run, config: Config, name: str
) -> None:
    path = run_of(config).folder / name
    path.unlink()
    again, said = asked_again(config)
    assert again == record(original)
    assert said[0] == f"{path}: missing, computing it again"


def test_a_run_without_its_manifest_is_not_taken_for_finished(original: Run, config: Config) -> None:
    run_of(config).manifest_path.unlink()
    assert not run_of(config).is_finished()
    assert asked_again(config)[0] == record(original)


def test_all_files_may_be_damaged_at_once(original: Run, config: Config) -> None:
    for name in [*RESULTS, "checkpoint.ckpt"]:
        truncate(run_of(config).folder / name)
    again, said = asked_again(config)
    assert again == record(original)
    assert [line.split(": ")[0].rpartition("/")[2] for line in said] == ["manifest.json", "checkpoint.ckpt"]


def test_a_file_that_is_damaged_again_is_set_aside_beside_the_first(config: Config) -> None:
    path = run_of(config).weights_path
    for n in (1, 2):
        truncate(path)
        assert f"weights.safetensors.damaged-{n}" in asked_again(config)[1][0]


def test_results_are_computed_again_from_the_last_checkpoint_snapshots_from_the_start(config: Config) -> None:
    run = run_of(config)
    truncate(run.weights_path)
    asked_again(config)
    truncate(run.snapshot_path(2))
    asked_again(config)
    assert [attempt.from_step for attempt in manifest_of(run).attempts] == [0, 2 * EPOCH, 0]


# The files of an unfinished run


@pytest.fixture
def stopped(tmp_path: Path) -> Config:
    """Configuration of a run that was stopped in its second epoch."""
    config = small(tmp_path, *RANDOM, "study.snapshot_epochs=[0,1,2]")
    assert Process(config, Signal(signal.SIGTERM, EPOCH)).outcome().error == "Interrupted"
    return config


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_training_begins_anew(
    original: Run, stopped: Config, damage: Damage
) -> None:
    path = run_of(stopped).checkpoint_path
    damage(path)
    again, said = asked_again(stopped)
    assert again == record(original)
    (line,) = said
    assert line.startswith(f"{path}: damaged (")
    assert line.endswith("); set aside as checkpoint.ckpt.damaged-1, training from the start")
    assert [attempt.from_step for attempt in manifest_of(run_of(stopped)).attempts] == [0, 0]


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, Path.unlink])
def test_a_damaged_snapshot_of_an_unfinished_run_is_made_again(
    original: Run, stopped: Config, damage: Damage
) -> None:
    path = run_of(stopped).snapshot_path(1)
    damage(path)
    again, said = asked_again(stopped)
    assert again == record(original)
    (line,) = said
    assert line.startswith(f"{path}: ")
    assert line.endswith(", training from the start")


@pytest.mark.parametrize("damage", [truncate, flip_a_bit])
def test_a_damaged_manifest_of_an_unfinished_run_costs_no_training(tmp_path: Path, damage: Damage) -> None:
    """Unless it has snapshots, whose hashes the manifest holds."""
    config = small(tmp_path, *RANDOM)
    expected = record(trained(small(tmp_path / "expected", *RANDOM)))
    assert Process(config, Signal(signal.SIGTERM, EPOCH)).outcome().error == "Interrupted"
    damage(run_of(config).manifest_path)
    again, said = asked_again(config)
    assert again == expected
    assert len(said) == 1
    assert [attempt.from_step for attempt in manifest_of(run_of(config)).attempts] == [EPOCH + 1]


# What is refused


@pytest.mark.parametrize(
    ("overrides", "difference"),
    [
        (
            ("model.width=3",),
            r"network\.features\.0\.weight has shape \(3, 1, 3, 3\) there, \(2, 1, 3, 3\) here",
        ),
        (("model.batch_norm=false",), r"it lacks network\.features\.1\.weight"),
        (
            ("model.hidden=[4,4]",),
            r"network\.classifier\.3\.weight has shape \(8, 8\) there, \(4, 8\) here",
        ),
    ],
    ids=["wider", "plainer", "deeper"],
)
def test_the_checkpoint_of_another_network_is_refused_by_its_first_difference(
    tmp_path: Path, overrides: tuple[str, ...], difference: str
) -> None:
    other = trained(small(tmp_path, *overrides))
    config = small(tmp_path)
    run = run_of(config)
    run.folder.mkdir()
    shutil.copy(other.checkpoint_path, run.checkpoint_path)
    message = rf"^{run.checkpoint_path} holds another network's weights: {difference}$"
    with pytest.raises(StoreError, match=message):
        ensure(config)
    assert run.checkpoint_path.read_bytes() == other.checkpoint_path.read_bytes()


def _file_for_the_store(run: Run) -> None:
    run.folder.parent.rmdir()
    run.folder.parent.write_text("no folder")


def _file_for_the_run(run: Run) -> None:
    run.folder.write_text("no folder")


def _folder_for_the_lock(run: Run) -> None:
    run.lock_path.mkdir(parents=True)


@pytest.mark.parametrize("spoil", [_file_for_the_store, _file_for_the_run, _folder_for_the_lock])
def test_a_folder_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, spoil: Callable[[Run], None]
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    config = small(store)
    run = run_of(config)
    spoil(run)
    with pytest.raises(StoreError, match=rf"^{run.folder}: cannot be used \([A-Z].*\)$") as refusal:
        ensure(config)
    assert "\n" not in str(refusal.value)


def test_a_file_that_cannot_be_read_is_refused_not_replaced(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another user's files cannot; the tests' own user may read everything."""
    path = run_of(config).weights_path
    monkeypatch.setattr("lossatlas.runs.store.store.sha256", _refuse)
    with pytest.raises(StoreError, match=rf"^{path}: cannot be read \(Permission denied\)$"):
        ensure(config)
    assert path.exists()


def _refuse(path: Path) -> str:
    raise PermissionError(13, "Permission denied", str(path))


def test_a_manifest_with_a_changed_number_is_damaged(config: Config) -> None:
    run = run_of(config)
    value = json.loads(run.manifest_path.read_text())
    value["metrics"]["test_error"] += 0.01
    run.manifest_path.write_text(json.dumps(value))
    with pytest.raises(StoreError, match=rf"^{run.manifest_path}: damaged \(its checksum is wrong\)$"):
        run.manifest()
