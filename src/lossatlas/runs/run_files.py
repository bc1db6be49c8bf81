"""Callbacks that write a run's files while it trains: checkpoints, snapshots, progress."""

import time
import zipfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, Checkpoint
from pytorch_lightning.plugins.io import CheckpointIO

from lossatlas import interruption
from lossatlas.files import replacing
from lossatlas.runs.store.manifest import StoreError
from lossatlas.studies.study import Study


class Checkpointing(Checkpoint):
    """Saves the whole training state at epoch ends, at most every ``seconds``, and when asked to stop.

    A request to stop (`lossatlas.interruption`) is honoured after the step in progress: the state is saved
    and `Interrupted` raised. A subclass of Lightning's `Checkpoint`, because only those run after the study's
    own end of the epoch, whose row belongs in the checkpoint.
    """

    def __init__(self, path: Path, *, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._saved_at = time.monotonic()

    def on_train_start(self, trainer: Trainer, study: LightningModule) -> None:  # noqa: D102
        interruption.reclaim()

    def on_train_batch_end(self, trainer: Trainer, study: LightningModule, *_: Any) -> None:  # noqa: D102
        # After an epoch's last step the epoch is ended first, so that the row of the epoch is not lost. Between the
        # batches of one step there are gradients that a checkpoint does not hold.
        assert isinstance(study, Study)
        is_last = trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
        if interruption.requested() and study.is_step_done and not is_last:
            study.check_finite()  # as at an epoch's end: no bad state must replace the last good one
            self._save(trainer)
            self._stop(study)

    def on_train_epoch_end(self, trainer: Trainer, study: LightningModule) -> None:  # noqa: D102
        assert isinstance(study, Study)
        all_epochs = trainer.max_epochs is not None and study.history[-1]["epoch"] >= trainer.max_epochs
        finished = all_epochs or study.global_step == trainer.max_steps or trainer.should_stop
        due = time.monotonic() - self._saved_at >= self._seconds
        if due or finished or interruption.requested():
            self._save(trainer)
        if not finished and interruption.requested():
            self._stop(study)

    def _save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self._path)
        self._saved_at = time.monotonic()

    def _stop(self, study: LightningModule) -> None:
        raise interruption.Interrupted(f"stopped at step {study.global_step}; its state is saved")


class Snapshots(Checkpoint):
    """Calls ``save(epoch)`` at the end of each epoch in ``epochs``; 0 stands for the initialisation."""

    def __init__(self, epochs: Collection[int], save: Callable[[int], None]) -> None:
        self._epochs = frozenset(epochs)
        self._save = save

    def on_train_start(self, trainer: Trainer, study: LightningModule) -> None:  # noqa: D102
        if study.global_step == 0 and 0 in self._epochs:
            self._save(0)

    def on_train_epoch_end(self, trainer: Trainer, study: LightningModule) -> None:  # noqa: D102
        assert isinstance(study, Study)
        epoch = int(study.history[-1]["epoch"])
        if epoch in self._epochs:
            self._save(epoch)


class Members(Checkpoint):
    """Calls ``save(number)`` after each of the study's ``member_steps``, before a checkpoint can be past it."""

    def __init__(self, save: Callable[[int], None]) -> None:
        self._save = save

    def on_train_start(self, trainer: Trainer, study: LightningModule) -> None:  # noqa: D102
        assert isinstance(study, Study)
        if study.global_step in study.member_steps:  # the initialisation, or the end of the study's trunk
            self._save(study.member_steps.index(study.global_step))

    def on_train_batch_end(self, trainer: Trainer, study: LightningModule, *_: Any) -> None:  # noqa: D102
        assert isinstance(study, Study)
        if study.is_step_done and study.global_step in study.member_steps:
            study.check_finite()
            self._save(study.member_steps.index(study.global_step))


class ReportProgress(Callback):
    """Calls ``report(step, steps, loss)`` after the first step and then about once a second."""

    def __init__(self, report: Callable[[int, int, float], None], *, seconds: float = 1.0) -> None:
        self._report = report
        self._seconds = seconds
        self._next = 0.0

    def on_train_batch_end(self, trainer: Trainer, study: LightningModule, *_: Any) -> None:  # noqa: D102
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._seconds
            assert isinstance(study, Study)
            an_epoch = -(-int(trainer.num_training_batches) // trainer.accumulate_grad_batches)
            steps = an_epoch * (trainer.max_epochs or 0)
            self._report(study.global_step, steps, study.mean_loss())


class WholeCheckpointIO(CheckpointIO):
    """Writes a checkpoint under a temporary name that then takes its place; reads it with ``weights_only``.

    A checkpoint is a zip archive, whose checksums torch writes but does not read: they are verified here, so
    that a damaged number is not trained on. It says of which run it is, by the name of its folder; see `check_owner`.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:  # noqa: D102
        path = Path(path)
        with replacing(path) as temporary, temporary.open("wb") as file:
            # To a file of Python's, which says why it cannot be written.
            torch.save({**checkpoint, _OWNER: path.parent.name}, file)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> Any:  # noqa: D102
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"the checksum of its {damaged} is wrong")
        return torch.load(path, map_location=map_location or "cpu", weights_only=True)

    def remove_checkpoint(self, path: Any) -> None:  # noqa: D102
        Path(path).unlink(missing_ok=True)


_OWNER = "run"


def check_owner(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Raise `StoreError` if the checkpoint at ``path`` is that of another run; older ones do not say whose they are."""
    run = path.parent.name
    if (owner := checkpoint.get(_OWNER, run)) != run:
        raise StoreError(f"{path}: is that of run {owner}; remove it")
