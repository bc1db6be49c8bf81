"""What is asked for is computed once, and depends on nothing but the configuration."""

import os
import random
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from processes import Pause, Process, Signal
from small_runs import RANDOM, manifest_of, record, run_of, small, trained

from lossatlas.runs.build import build_network
from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.fingerprint import fingerprint


def test_a_finished_run_is_loaded_not_trained(tmp_path: Path) -> None:
    run = trained(small(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in run.folder.iterdir()}
    said: list[str] = []
    assert ensure(small(tmp_path), say=said.append).fingerprint == run.fingerprint
    assert {path: path.stat().st_mtime_ns for path in run.folder.iterdir()} == before
    assert said == []


def test_a_run_lies_in_the_folder_of_its_fingerprint_and_holds_its_configuration(tmp_path: Path) -> None:
    config = small(tmp_path, "seed=3")
    run = trained(config)
    assert run.folder == tmp_path / fingerprint(config)
    assert run.config() == config


@pytest.mark.parametrize("init", ["init=kaiming", "init=default"])
def test_the_same_run_in_another_process_has_the_same_bits(tmp_path: Path, init: str) -> None:
    """Whatever the global random generators of the two hold, also if modules initialise themselves."""
    torch.manual_seed(1)
    np.random.seed(2)  # noqa: NPY002 (the generator that might be drawn from)
    random.seed(3)
    expected = record(trained(small(tmp_path / "here", *RANDOM, init)))
    config = small(tmp_path / "there", *RANDOM, init)
    there = Process(config).outcome()
    assert there.weights_sha256 == expected["weights_sha256"]
    assert record(ensure(config)) == expected


def test_another_seed_gives_other_initial_and_final_weights(tmp_path: Path) -> None:
    first, second = small(tmp_path, "seed=0"), small(tmp_path, "seed=1")
    assert manifest_of(trained(first)).weights_sha256 != manifest_of(trained(second)).weights_sha256
    a, b = (dict(build_network(config).named_parameters()) for config in (first, second))
    assert not torch.equal(a["features.0.weight"], b["features.0.weight"])


@pytest.mark.parametrize(
    "choice",
    [
        ("logger=csv",),
        ("logger=tensorboard",),
        pytest.param(("logger=wandb",), marks=pytest.mark.slow),
        ("trainer.enable_progress_bar=true", "trainer.enable_model_summary=true"),
        ("runtime.checkpoint_seconds=1000",),
        ("landscape=line",),
    ],
    ids=" ".join,
)
def test_how_a_run_is_watched_does_not_change_its_bits(tmp_path: Path, choice: tuple[str, ...]) -> None:
    expected = trained(small(tmp_path / "plain", *RANDOM))
    watched = trained(small(tmp_path / "watched", *RANDOM, *choice))
    assert watched.fingerprint == expected.fingerprint
    assert record(watched) == record(expected)


# Two processes


def test_two_processes_that_ask_for_one_run_train_it_once(tmp_path: Path) -> None:
    config, pause = small(tmp_path / "store"), Pause(step=2, folder=tmp_path)
    first = Process(config, pause)
    pause.wait_until_reached()
    second = Process(config)
    assert second.next_said() == (
        f"{fingerprint(config)}: waiting for process {first.pid}, which computes it"
    )
    pause.end()
    one, other = first.outcome(), second.outcome()
    assert one.weights_sha256 == other.weights_sha256 is not None
    (attempt,) = manifest_of(run_of(config)).attempts
    assert attempt.pid == first.pid
    assert (attempt.from_step, attempt.to_step) == (0, 6)


def test_a_process_that_waits_names_the_holder_of_the_lock_not_who_worked_before(tmp_path: Path) -> None:
    """A survey holds the lock, too, and a trainer does before its attempt is on record."""
    config = small(tmp_path)
    Process(config, Signal(signal.SIGKILL, 1)).outcome()
    with run_of(config).lock(print):
        waiting = Process(config)
        assert f"waiting for process {os.getpid()}," in waiting.next_said()
    assert waiting.outcome().weights_sha256 is not None


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    config, pause = small(tmp_path / "store"), Pause(step=2, folder=tmp_path)
    run = run_of(config)
    assert not run.is_locked()
    process = Process(config, pause)
    pause.wait_until_reached()
    assert run.is_locked()
    process.signal(signal.SIGKILL)
    process.outcome()
    assert not run.is_locked()


def test_a_process_that_waits_can_be_interrupted(tmp_path: Path) -> None:
    config = small(tmp_path)
    with run_of(config).lock(print):
        waiting = Process(config)
        waiting.next_said()
        waiting.signal(signal.SIGINT)
        assert waiting.outcome().error == "KeyboardInterrupt"
