"""Both rules of early stopping: the network of the best validation loss, and the stop at its first rise."""

import signal
from pathlib import Path

import pytest
import torch
from processes import KillAtRename, Process, Signal, Stop
from small_runs import EPOCH, Config, manifest_of, record, small, trained

from lossatlas.runs.check import check_jobs
from lossatlas.runs.composition.job import ConfigError, Job
from lossatlas.runs.ensure import ensure
from lossatlas.runs.resolve import resolved
from lossatlas.runs.store.references import Reference
from lossatlas.runs.surveyor import Surveyor
from lossatlas.runs.train import RunFailed

BEST = (  # the validation error of these runs is lowest in the middle
    *(
        "callbacks=best_weights",
        "callbacks.best_weights.monitor=train_loss",
        "callbacks.best_weights.mode=max",
    ),
    *("epochs=4", "optimizer.lr=0.01", "study.snapshot_epochs=[1,2,3]"),
)


def config(tmp_path: Path, *overrides: str) -> Config:
    return small(tmp_path, *BEST, *overrides)


def test_a_run_ends_with_the_network_of_its_best_epoch_and_says_which(tmp_path: Path) -> None:
    said: list[str] = []
    run = ensure(config(tmp_path), say=said.append)
    best = int(run.history().train_loss[1:].idxmax())
    assert best < 4
    state, snapshot = run.state(), run.snapshot(best)
    assert all(torch.equal(state[name], tensor) for name, tensor in snapshot.items())
    manifest = manifest_of(run)
    assert (manifest.epochs, manifest.metrics["best_epoch"]) == (4, best)
    assert manifest.metrics["validation_loss"] == pytest.approx(run.history().validation_loss[best], rel=1e-5)
    assert said == [f"run {run.fingerprint}: ends with the network of epoch {best}, its best"]
    surveyor = Surveyor(run, config(tmp_path), lambda value: run)
    assert list(resolved(Reference("snapshots", "all"), surveyor.surveyed))[-1] == best


@pytest.mark.parametrize(
    "stop", [Signal(signal.SIGTERM, 2 * EPOCH + 1), KillAtRename("weights.safetensors", "before")], ids=str
)
def test_it_does_so_however_it_was_interrupted(tmp_path: Path, stop: Stop) -> None:
    expected = record(trained(config(tmp_path / "expected")))
    stopped = config(tmp_path / "stopped")
    Process(stopped, stop).outcome()
    assert record(ensure(stopped)) == expected


def test_with_patience_it_stops_at_the_rise_and_goes_back(tmp_path: Path) -> None:
    both = ("callbacks=[early_stopping,best_weights]", "callbacks.early_stopping.patience=1")
    monitored = [
        f"callbacks.{name}.{key}"
        for name in ("early_stopping", "best_weights")
        for key in ("monitor=train_loss", "mode=max")
    ]
    run = ensure(small(tmp_path, *both, *monitored, "epochs=6", "optimizer.lr=0.01"))
    losses = run.history().train_loss[1:]
    rises = [epoch for epoch in losses.index[1:] if losses[epoch] <= losses[: epoch - 1].max()]
    assert manifest_of(run).epochs == rises[0] == losses.index[-1]
    assert manifest_of(run).metrics["best_epoch"] == rises[0] - 1


def test_gates_and_best_weights_go_together(tmp_path: Path) -> None:
    gated = ("regularizer=l0", "regularizer.l0.coefficient=0.1", "regularizer.l0.rate=150")
    run = ensure(config(tmp_path, *gated))
    best = int(manifest_of(run).metrics["best_epoch"])
    state, snapshot = run.state(), run.snapshot(best)
    assert all(torch.equal(state[name], tensor) for name, tensor in snapshot.items())


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["study=swa"],
            "^callbacks.best_weights: AveragedClassifier makes the network that it ends with itself",
        ),
        (
            ["callbacks.best_weights.monitor=val_loss"],
            "^callbacks.best_weights.monitor=val_loss: no such column",
        ),
        (
            ["callbacks.best_weights.mode=least"],
            "^callbacks.best_weights: mode must be min or max, got 'least'",
        ),
    ],
)
def test_what_cannot_be_meant_stops_before_training(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_jobs([Job((), config(tmp_path, *overrides))])


DIVERGING = (
    *("optimizer=plain_sgd", "optimizer.lr=20", "epochs=40", "data.batch_size=40"),
    *("study.loss._target_=lossatlas.studies.SquaredError", "~study.loss.label_smoothing"),
)


def test_a_run_that_diverges_ends_before_it_leaves_float_range(tmp_path: Path) -> None:
    """And is finished, with a last row beyond the threshold, where it would fail."""
    with pytest.raises(RunFailed, match=r"became (nan|inf)"):
        ensure(small(tmp_path / "failing", *DIVERGING))
    run = ensure(small(tmp_path, *DIVERGING, "callbacks=divergence"))
    losses = run.history().train_loss[1:]
    assert manifest_of(run).epochs == losses.index[-1] < 40
    assert losses.iloc[-1] > 1000 >= losses.iloc[:-1].max()
    assert all(tensor.isfinite().all() for tensor in run.state().values())
