"""A command that is interrupted, or whose processes are killed, keeps what it has and goes on when typed again."""

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import xarray as xr
from typed import TINY, Typed, attempts, manifests, progress, statuses, type_here, wait_until, weights

from lossatlas.landscape.mapping.journal import Journal

LONG = (
    *TINY,
    "epochs=400",
    "runtime.checkpoint_seconds=1000",
)  # seconds of training, no checkpoint on the way
ONE = ("train", *LONG)
SWEEP = ("train", "-m", *LONG, "seed=0,1,2", "hydra.launcher.jobs=2")
PROMPT = 20.0  # seconds in which a command should have ended, on a busy machine

Start = Callable[..., Typed]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """Weights, by seed, of runs that nothing interrupted."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert type_here(*SWEEP[:-1], "hydra/launcher=basic").status == 0
        return weights(folder)


def training(folder: Path, runs: int = 1) -> Callable[[], bool]:
    """Whether so many runs have begun to train."""
    return lambda: sum(said["phase"] == "train" and said["done"] > 0 for said in progress(folder)) >= runs


def saved_steps(folder: Path) -> list[int]:
    """Steps at which the interrupted runs were stopped, each of which has its checkpoint."""
    assert all((path.parent / "checkpoint.ckpt").exists() for path in folder.glob("runs/*/manifest.json"))
    stopped = [
        manifest["attempts"][-1] for manifest in manifests(folder) if manifest["status"] == "interrupted"
    ]
    return [attempt["to_step"] for attempt in stopped]


def test_ctrl_c_stops_a_run_at_a_step_and_says_that_the_same_command_goes_on(
    typed: Start, folder: Path
) -> None:
    command = typed(*ONE, "epochs=100000")
    command.wait_until(training(folder), "the training began")
    interrupted_at = time.monotonic()
    command.send_to_all(signal.SIGINT)
    answer = command.answer()
    assert time.monotonic() - interrupted_at < PROMPT
    assert answer.status == 130
    (step,) = saved_steps(folder)
    assert (
        answer.complaint == f"stopped at step {step}; its state is saved; the same command goes on from there"
    )
    assert command.is_gone()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("send", [Typed.send_to_all, Typed.send], ids=["to all", "to the command"])
@pytest.mark.parametrize("arguments", [ONE, SWEEP], ids=["one run", "sweep"])
def test_what_was_interrupted_ends_with_the_weights_of_what_was_not(
    typed: Start,
    folder: Path,
    uninterrupted: dict[int, str],
    arguments: tuple[str, ...],
    send: Callable[[Typed, signal.Signals], None],
    number: signal.Signals,
) -> None:
    runs = 1 if arguments is ONE else 2
    command = typed(*arguments)
    command.wait_until(training(folder, runs), "the training began")
    interrupted_at = time.monotonic()
    send(command, number)
    answer = command.answer()
    assert time.monotonic() - interrupted_at < PROMPT
    assert answer.status == 130
    assert "Traceback" not in answer.err
    (line,) = [line for line in answer.err.splitlines() if not line.startswith("runs ")]
    assert line.endswith("; the same command goes on from there")
    if runs > 1:
        assert re.match(r"lossatlas: stopped with \d of 3 runs done; ", line)
    wait_until(command.is_gone, "all processes had ended")
    steps = saved_steps(folder)
    assert steps
    before = attempts(folder)

    again = typed(*arguments).answer()
    assert again.status == 0
    assert weights(folder).items() <= uninterrupted.items()
    assert len(weights(folder)) == (1 if arguments is ONE else 3)
    resumed = [attempt["from_step"] for manifest in manifests(folder) for attempt in manifest["attempts"][1:]]
    assert sorted(resumed) == sorted(steps)
    assert attempts(folder) == before + len(steps) + (len(weights(folder)) - before)


@pytest.mark.slow
def test_ctrl_c_ends_a_sweep_that_runs_in_one_process(typed: Start, folder: Path) -> None:
    command = typed(*SWEEP[:-1], "hydra/launcher=basic")
    command.wait_until(training(folder), "the training began")
    command.send_to_all(signal.SIGINT)
    answer = command.answer()
    assert answer.status == 130
    assert answer.err.splitlines()[-1].startswith("lossatlas: stopped with 0 of 3 runs done")
    assert statuses(folder) == {0: "interrupted"}


@pytest.mark.slow
def test_a_second_ctrl_c_ends_everything_at_once(typed: Start, folder: Path) -> None:
    command = typed(*SWEEP)
    command.wait_until(training(folder, 2), "the training began")
    command.send_to_all(signal.SIGINT)
    command.send_to_all(signal.SIGINT)
    answer = command.answer()
    assert answer.status == 130
    assert "Traceback" not in answer.err
    wait_until(command.is_gone, "all processes had ended")


@pytest.mark.slow
def test_workers_of_a_killed_command_save_their_state_and_end(
    typed: Start, folder: Path, uninterrupted: dict[int, str]
) -> None:
    command = typed(*SWEEP)
    command.wait_until(training(folder, 2), "the training began")
    assert len(command.workers()) == 2
    command.send(signal.SIGKILL)
    wait_until(command.is_gone, "all processes had ended")
    assert len(saved_steps(folder)) == 2
    assert typed(*SWEEP).answer().status == 0
    assert weights(folder) == uninterrupted


@pytest.mark.slow
def test_a_killed_worker_loses_its_job_alone(
    typed: Start, folder: Path, uninterrupted: dict[int, str]
) -> None:
    """As the kernel kills the process that has taken too much memory."""
    command = typed(*SWEEP)
    command.wait_until(training(folder, 2), "the training began")
    (victim,) = [manifest["attempts"][0]["pid"] for manifest in manifests(folder) if manifest["seed"] == 0]
    assert victim in command.workers()
    os.kill(victim, signal.SIGKILL)
    answer = command.answer()
    assert answer.status == 1
    (line,) = [line for line in answer.err.splitlines() if not line.startswith("runs ")]
    assert line == (
        "lossatlas: the process of seed=0 was killed, perhaps because memory ran out; what was finished is kept, "
        "and the same command goes on from there"
    )
    assert {seed: status for seed, status in statuses(folder).items() if seed} == {
        1: "finished",
        2: "finished",
    }
    assert [line.split()[2] for line in answer.out.splitlines()[1:]] == [
        "interrupted",
        "finished",
        "finished",
    ]
    assert typed(*SWEEP).answer().status == 0
    assert weights(folder) == uninterrupted


@pytest.mark.slow
def test_an_interrupted_landscape_goes_on_from_its_finished_points(
    typed: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = 51
    many_images = ("data.train=20000", "data.batch_size=1000", "epochs=1")  # for milliseconds a point
    survey = ("train", *TINY, *many_images, "landscape=surface", f"landscape.surface.points={points}")
    command = typed(*survey)
    command.wait_until(
        lambda: any(said["phase"] == "surface" and said["done"] > 0 for said in progress(folder)),
        "the survey began",
    )
    command.send_to_all(signal.SIGINT)
    answer = command.answer()
    assert answer.status == 130
    match = re.fullmatch(
        rf"stopped after (\d+) of {points**2} points of surface; they are kept; the same command goes on from there",
        answer.complaint,
    )
    assert match
    done = int(match[1])
    (journal,) = folder.glob("runs/*/landscapes/*.journal")
    assert len(journal.read_text().splitlines()) == 1 + done

    measured = []
    append = Journal.append
    monkeypatch.setattr(
        Journal,
        "append",
        lambda self, index, values: (measured.append(index), append(self, index, values))[1],
    )
    assert type_here(*survey).status == 0
    assert len(measured) == points**2 - done
    assert attempts(folder) == 1
    (resumed,) = folder.glob("runs/*/landscapes/*.nc")
    assert not journal.exists()
    assert type_here(*survey, "paths.runs=other/runs").status == 0
    (whole,) = folder.glob("other/runs/*/landscapes/*.nc")
    xr.testing.assert_identical(xr.load_dataset(resumed), xr.load_dataset(whole))
