"""`lossatlas runs check` and `lossatlas runs prune`: files that are damaged, runs that are no longer wanted."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typed import TINY, type_here

from lossatlas.runs.store.store import Store

CURVE = ("study=curve", "study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Store of a curve between two networks, with a landscape, and of a network by itself."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        type_here("train", *TINY, *CURVE, "epochs=1")
        type_here("train", *TINY, "seed=3", "epochs=1", "landscape=weights")
    return folder


@pytest.fixture
def store(trained: Path, folder: Path) -> Store:
    """The test's own copy of that store."""
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    return Store("runs")


def names(store: Store) -> dict[str, str]:
    """Fingerprints of the four runs: "curve", and those of classifiers by their seeds."""
    found = {}
    for run in store.runs():
        is_curve = run.config()["study"]["_target_"].endswith("Curve")
        found["curve" if is_curve else str(run.manifest().seed)] = run.fingerprint
    return found


def test_a_store_that_is_whole_is_said_to_be(store: Store) -> None:
    answer = type_here("runs", "check")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out == "4 runs in runs/: 4 finished\nall whole\n"


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "history.csv", "manifest.json", "landscapes/weights-*.nc"]
)
def test_a_file_that_is_not_what_was_written_is_named(store: Store, name: str) -> None:
    run = store.run(names(store)["3"])
    (path,) = run.folder.glob(name)
    path.write_bytes(path.read_bytes()[:-7] + b"changed")
    answer = type_here("runs", "check")
    assert answer.status == 1
    (line,) = answer.err.splitlines()
    assert line.startswith(str(path))
    assert "1 run with damage" in answer.out
    assert path.exists()  # nothing is changed


def test_what_is_missing_is_named_and_filters_choose_what_is_read(store: Store) -> None:
    run = store.run(names(store)["3"])
    run.weights_path.unlink()
    assert type_here("runs", "check", "seed=3").err == f"{run.weights_path}: missing\n"
    assert type_here("runs", "check", "seed!=3").status == 0


def test_nothing_is_removed_unless_it_is_said_twice(store: Store) -> None:
    before = names(store)
    asked = type_here("runs", "prune", "seed=3")
    assert asked.status == 0
    assert asked.out.splitlines()[0].startswith(before["3"])
    assert asked.out.splitlines()[-1].endswith("--yes removes them")
    assert names(store) == before
    done = type_here("runs", "prune", "seed=3", "--yes")
    assert done.out.startswith("1 run removed, ")
    assert names(store) == {name: run for name, run in before.items() if name != "3"}
    assert {path.name for path in Path("runs").iterdir() if path.is_dir()} == set(names(store).values())


def test_runs_that_another_started_from_are_kept_unless_it_goes_too(store: Store) -> None:
    before = names(store)
    kept = type_here("runs", "prune", "study=classifier", "--yes")
    assert kept.out.startswith("1 run removed, ")
    assert sorted(line.split(":")[0] for line in kept.err.splitlines()) == sorted([before["1"], before["2"]])
    assert all(
        f"1 run that stay started from it: {before['curve']}" in line for line in kept.err.splitlines()
    )
    assert type_here("runs", "prune", "age>=0s", "--yes").out.startswith("3 runs removed, ")
    assert store.runs() == []


def test_a_run_that_a_process_works_on_is_kept(store: Store) -> None:
    run = store.run(names(store)["3"])
    with run.lock(print):
        answer = type_here("runs", "prune", "seed=3", "--yes")
    assert answer.out.startswith("0 runs removed")
    assert answer.err == f"{run.fingerprint}: a process works on it; kept\n"
    assert run.is_finished()


def test_training_states_alone_can_go_and_results_stay(store: Store) -> None:
    states = list(Path("runs").glob("*/checkpoint.ckpt"))
    answer = type_here("runs", "prune", "--checkpoints", "--yes")
    assert answer.out.startswith("2 checkpoints removed, ")  # those of the curve's ends are kept for it
    assert len(states) - len(list(Path("runs").glob("*/checkpoint.ckpt"))) == 2
    assert all(run.is_finished() for run in store.runs())


def test_prune_asks_which_and_finds_nothing_where_nothing_passes(store: Store) -> None:
    refused = type_here("runs", "prune")
    assert refused.status == 2
    assert "which runs?" in refused.err
    assert type_here("runs", "prune", "status=failed", "--yes").out == "no runs to remove in runs/\n"
