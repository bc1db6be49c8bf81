"""A run whose loss, or network, leaves the finite numbers fails, and says at which step."""

import signal
import time
from pathlib import Path

import pytest
import torch
from processes import Process, Signal
from small_runs import EPOCH, Config, manifest_of, run_of, small
from torch import nn

from lossatlas.runs.build import build_data, build_network
from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.store import Run
from lossatlas.runs.train import RunFailed

EXPLODING = (  # the rate is 0.1 in the first epoch, then 1e10
    *("scheduler=step", "scheduler.milestones=[1]", "scheduler.gamma=1e11"),
    *("model.batch_norm=false", "epochs=4"),
)


def first_bad_step(config: Config, explosion: int) -> tuple[int, float]:
    """First step of a plain loop whose loss is not finite, and the loss; the rate is 1e10 from ``explosion`` on."""
    network, data = build_network(config), build_data(config)
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    for step in range(config["epochs"] * data.steps_per_epoch):
        optimizer.param_groups[0]["lr"] = 0.1 if step < explosion else 1e10
        inputs, targets = data.batch(config["seed"], step)
        loss = nn.functional.cross_entropy(network(inputs), targets)
        if not loss.isfinite():
            return step, loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    raise AssertionError("all losses are finite")


def assert_failed_at(run: Run, step: int, message: str) -> None:
    """And that the one checkpoint is that of the first epoch's end, and good."""
    manifest = manifest_of(run)
    assert (manifest.status, manifest.failure) == ("failed", {"step": step, "message": message})
    assert manifest.weights_sha256 is None
    assert not run.weights_path.exists()
    checkpoint = torch.load(run.checkpoint_path, weights_only=True)
    assert checkpoint["global_step"] == EPOCH
    assert all(tensor.isfinite().all() for tensor in checkpoint["state_dict"].values())


def test_a_run_fails_at_the_step_whose_loss_a_plain_loop_finds_not_finite(tmp_path: Path) -> None:
    config = small(tmp_path, *EXPLODING)
    step, loss = first_bad_step(config, explosion=EPOCH)
    assert EPOCH < step < 2 * EPOCH - 1, "the failure should lie within the second epoch"
    message = f"the training loss became {loss} at step {step}"
    with pytest.raises(RunFailed, match=f"^run .{{16}}: {message}; its last good checkpoint is kept$"):
        ensure(config)
    assert_failed_at(run_of(config), step, message)


def test_a_failed_run_is_refused_at_once(tmp_path: Path) -> None:
    config = small(tmp_path, "optimizer.lr=1e10")
    with pytest.raises(RunFailed, match=r"became nan at step 2; no checkpoint yet$"):
        ensure(config)
    before = run_of(config).manifest_path.read_bytes()
    began = time.perf_counter()
    again = rf"failed before: the training loss became nan at step 2; remove {tmp_path}.* to try again$"
    with pytest.raises(RunFailed, match=again):
        ensure(config)
    assert time.perf_counter() - began < 0.1
    assert run_of(config).manifest_path.read_bytes() == before


def test_a_request_to_stop_does_not_save_a_state_that_has_gone_bad(tmp_path: Path) -> None:
    config = small(tmp_path, *EXPLODING)
    step, loss = first_bad_step(config, explosion=EPOCH)
    outcome = Process(config, Signal(signal.SIGTERM, step)).outcome()
    assert outcome.error == "RunFailed"
    assert_failed_at(run_of(config), step, f"the training loss became {loss} at step {step}")


def test_a_network_that_is_not_finite_is_a_failure_though_all_losses_were_finite(tmp_path: Path) -> None:
    """The first update overflows; an epoch is one step, so no loss is computed before the epoch ends."""
    config = small(
        tmp_path, "data.batch_size=40", "optimizer.lr=3e38", "optimizer.weight_decay=100", "epochs=1"
    )
    with pytest.raises(RunFailed, match=r"features\.0\.weight became -?inf at step 0; no checkpoint yet$"):
        ensure(config)
    run = run_of(config)
    assert manifest_of(run).status == "failed"
    assert not run.checkpoint_path.exists()


def test_a_failure_within_a_long_epoch_ends_it_and_has_its_exact_step(tmp_path: Path) -> None:
    """Losses are read every hundred steps only: the step is the first bad one's, not the reader's."""
    config = small(
        tmp_path,
        *("data.train=1000", "data.batch_size=2", "model.batch_norm=false", "epochs=1"),
        *("scheduler=step", "scheduler.milestones=[0.24]", "scheduler.gamma=1e11", "scheduler.interval=step"),
    )
    step, loss = first_bad_step(config, explosion=120)
    assert 120 < step < 150
    with pytest.raises(RunFailed, match=f"became {loss} at step {step};"):
        ensure(config)
    assert manifest_of(run_of(config)).attempts[0].to_step == 200
