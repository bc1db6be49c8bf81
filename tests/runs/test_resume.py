"""A run that was stopped, however and wherever, ends as one that was not."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from processes import KillAtRename, Pause, Process, Signal, Stop
from small_runs import EPOCH, RANDOM, Config, manifest_of, record, run_of, small, trained

from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.store import Run

LAST = 2 * EPOCH
SNAPSHOTS = "study.snapshot_epochs=[0,1,2]"
RARELY = "runtime.checkpoint_seconds=1000"  # only a request to stop, or the end, writes a checkpoint
PER_EPOCH = ("scheduler=step", "scheduler.milestones=[1]")
_NO_SGD = ("~optimizer.dampening", "~optimizer.nesterov", "~optimizer.weight_decay")
OPTIMIZERS = {
    "nesterov, cosine per step": (),
    "momentum, step per epoch": ("optimizer.nesterov=false", *PER_EPOCH),
    "nesterov, cosine per epoch": ("scheduler.interval=epoch",),
    "adam, cosine per step": ("optimizer=adam",),
    "adam, step per epoch": ("optimizer=adam", *PER_EPOCH),
    # Five batches an epoch, of which a step takes two and the last the one of eight examples.
    "two batches a step": ("+trainer.accumulate_grad_batches=2", "data.train=72"),
    "two batches a step, per epoch": ("+trainer.accumulate_grad_batches=2", "data.train=72", *PER_EPOCH),
    "lbfgs": ("optimizer._target_=torch.optim.LBFGS", "~optimizer.momentum", *_NO_SGD, "optimizer.lr=0.01"),
    "muon by sam, plateau": (
        *("optimizer=sam", "optimizer.base._target_=lossatlas.optim.Muon", "~optimizer.base.dampening"),
        *("scheduler=plateau", "scheduler.patience=0", "scheduler.threshold=0.5"),
    ),
    "schedule-free": ("optimizer._target_=schedule_free.SmallScheduleFree", *_NO_SGD),
}


def killed(config: Config, stop: Stop) -> None:
    assert Process(config, stop).outcome().exit_code == -signal.SIGKILL


def interrupted(config: Config, *signals: Signal) -> str | None:
    """Have a process stopped at each signal in turn; return what the last exception said."""
    for stop in signals:
        outcome = Process(config, stop).outcome()
        assert outcome.error == "Interrupted"
    return outcome.message


def from_steps(run: Run) -> list[int]:
    return [attempt.from_step for attempt in manifest_of(run).attempts]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return record(trained(small(tmp_path_factory.mktemp("store"), *RANDOM, SNAPSHOTS)))


@pytest.mark.parametrize(
    ("stop", "from_step"),
    [
        (Signal(signal.SIGKILL, step=0), 0),
        (Signal(signal.SIGKILL, step=1), 0),
        (Signal(signal.SIGKILL, step=EPOCH, hook="on_train_batch_end"), 0),
        (KillAtRename("checkpoint.ckpt", "half"), 0),
        (KillAtRename("checkpoint.ckpt", "after"), EPOCH),
        (Signal(signal.SIGKILL, step=EPOCH), EPOCH),
        (Signal(signal.SIGKILL, step=EPOCH + 1), EPOCH),
        (KillAtRename("checkpoint.ckpt", "half", nth=2), EPOCH),
        (KillAtRename("checkpoint.ckpt", "after", nth=2), LAST),
        (KillAtRename("weights.safetensors", "before"), LAST),
        (KillAtRename("weights.safetensors", "after"), LAST),
    ],
    ids=str,
)
def test_a_killed_run_goes_on_from_its_checkpoint_to_the_same_bits(
    tmp_path: Path, uninterrupted: dict[str, Any], stop: Stop, from_step: int
) -> None:
    config = small(tmp_path, *RANDOM, SNAPSHOTS)
    killed(config, stop)
    run = ensure(config)
    assert from_steps(run) == [0, from_step]
    assert record(run) == uninterrupted
    assert not list(run.folder.rglob(".*.tmp"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("step", "hook", "stopped_at"),
    [
        (0, "training_step", 1),
        (1, "training_step", 2),
        (EPOCH - 1, "training_step", EPOCH),
        (EPOCH, "on_train_epoch_end", EPOCH),
        (EPOCH, "training_step", EPOCH + 1),
        (2, "on_train_batch_end", EPOCH),  # after the callbacks of that step
        (EPOCH, "on_train_epoch_start", EPOCH + 1),
    ],
)
def test_a_request_to_stop_writes_a_checkpoint_at_the_step_in_progress(
    tmp_path: Path,
    uninterrupted: dict[str, Any],
    number: signal.Signals,
    step: int,
    hook: str,
    stopped_at: int,
) -> None:
    config = small(tmp_path, *RANDOM, SNAPSHOTS, RARELY)
    message = interrupted(config, Signal(number, step, hook))
    assert message == f"stopped at step {stopped_at}; its state is saved"
    run = ensure(config)
    assert from_steps(run) == [0, stopped_at]
    assert record(run) == uninterrupted


@pytest.mark.parametrize("steps", [(0, 1), (EPOCH - 1, EPOCH + 1), (1, 2, EPOCH, EPOCH + 1)])
def test_a_run_may_be_stopped_again_and_again(
    tmp_path: Path, uninterrupted: dict[str, Any], steps: tuple[int, ...]
) -> None:
    config = small(tmp_path, *RANDOM, SNAPSHOTS, RARELY)
    interrupted(config, *(Signal(signal.SIGTERM, step) for step in steps))
    run = ensure(config)
    assert from_steps(run) == [0, *(step + 1 for step in steps)]
    assert record(run) == uninterrupted


def test_a_request_in_the_last_step_ends_the_call_with_the_run_finished(tmp_path: Path) -> None:
    """Else a job that was told to stop would go on to its landscapes."""
    config = small(tmp_path)
    message = interrupted(config, Signal(signal.SIGTERM, LAST - 1))
    assert message == "stopped as asked; what was finished is kept"
    run = run_of(config)
    assert run.is_finished()
    ensure(config)
    assert from_steps(run) == [0]


def test_a_second_ctrl_c_does_not_wait_for_the_step_in_progress(
    tmp_path: Path, uninterrupted: dict[str, Any]
) -> None:
    config, pause = small(tmp_path / "store", *RANDOM, SNAPSHOTS), Pause(step=EPOCH + 1, folder=tmp_path)
    process = Process(config, pause)
    pause.wait_until_reached()
    for _ in range(2):
        process.signal(signal.SIGINT)
        time.sleep(0.1)  # signals of a kind are not counted
    assert process.outcome().error == "KeyboardInterrupt", "the step in progress has no end but this"
    run = run_of(config)
    assert manifest_of(run).status == "interrupted"
    assert record(ensure(config)) == uninterrupted
    assert from_steps(run) == [0, EPOCH]


@pytest.mark.parametrize("choice", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizer_and_schedule_go_on_where_they_were(tmp_path: Path, choice: tuple[str, ...]) -> None:
    """Stopped within the first epoch, so that a schedule per epoch has yet to move, and within the second."""
    expected = record(trained(small(tmp_path / "expected", *RANDOM, *choice)))
    config = small(tmp_path / "stopped", *RANDOM, *choice)
    interrupted(config, Signal(signal.SIGTERM, 0), Signal(signal.SIGTERM, EPOCH))
    assert record(ensure(config)) == expected


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_run_on_a_gpu_resumes_to_the_same_bits(tmp_path: Path) -> None:
    expected = record(trained(small(tmp_path / "expected", *RANDOM, "trainer=gpu")))
    config = small(tmp_path / "stopped", *RANDOM, "trainer=gpu")
    interrupted(config, Signal(signal.SIGTERM, 0), Signal(signal.SIGTERM, EPOCH))
    assert record(ensure(config)) == expected


@pytest.mark.parametrize("lot", ["runtime.checkpoint_seconds=0", RARELY])
@pytest.mark.parametrize("choice", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.slow
def test_a_run_killed_before_every_single_step_in_turn_ends_the_same(
    tmp_path: Path, choice: tuple[str, ...], lot: str
) -> None:
    expected = record(trained(small(tmp_path / "expected", *RANDOM, *choice)))
    for step in range(LAST):
        config = small(tmp_path / f"killed-{step}", *RANDOM, *choice, lot)
        killed(config, Signal(signal.SIGKILL, step))
        assert record(ensure(config)) == expected, f"killed before step {step}"


@pytest.mark.parametrize("choice", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.slow
def test_a_run_stopped_at_every_step_ends_the_same(tmp_path: Path, choice: tuple[str, ...]) -> None:
    """One step an attempt, but for the last, which training's own end has passed."""
    expected = record(trained(small(tmp_path / "expected", *RANDOM, *choice)))
    config = small(tmp_path / "stopped", *RANDOM, *choice, RARELY)
    interrupted(config, *(Signal(signal.SIGTERM, step) for step in range(LAST - 1)))
    run = ensure(config)
    assert from_steps(run) == [0, 1, 2, 3, 4, 5]
    assert record(run) == expected
