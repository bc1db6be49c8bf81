"""Training a run to its end, from its last checkpoint if it has one."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import Logger
from torch import Tensor

from lossatlas import interruption
from lossatlas.files import set_aside, sha256
from lossatlas.hardware import threads_limited
from lossatlas.runs.build import build_callbacks
from lossatlas.runs.process_settings import lightning_warns_only
from lossatlas.runs.run_files import (
    Checkpointing,
    Members,
    ReportProgress,
    Snapshots,
    WholeCheckpointIO,
    check_owner,
)
from lossatlas.runs.store.manifest import Manifest, Member, age_seconds, new_attempt
from lossatlas.runs.store.progress import Progress, write_progress
from lossatlas.runs.store.state_dicts import check_state
from lossatlas.runs.store.store import Run, StoreError, name_damage
from lossatlas.runs.trainer_settings import build_trainer
from lossatlas.studies import BestWeights, NonFiniteLossError, Study
from lossatlas.studies.branching import branched
from lossatlas.words import counted

log = logging.getLogger(__name__)


class RunFailed(FloatingPointError):  # noqa: N818
    """The run's computation failed, as it would again: its manifest says where."""


def train(
    run: Run,
    config: Mapping[str, Any],
    study: Study,
    manifest: Manifest,
    *,
    loggers: Sequence[Logger],
    stages: int,
    say: Callable[[str], None],
) -> None:
    """Train ``run`` to its end with ``study``, made of ``config``, and write its results; the caller holds its lock.

    `Interrupted` after a request to stop, with the state saved. `RunFailed` if the loss becomes NaN or
    infinite. ValueError for a snapshot after the last epoch, and if a callback stops a study that has no result yet.
    """
    if any(not 0 <= epoch <= config["epochs"] for epoch in study.snapshot_epochs):
        raise ValueError(f"snapshot_epochs must be 0 to {config['epochs']}, got {study.snapshot_epochs}")
    resume_step = _resume_step(run, manifest, study, say)
    if resume_step is None and study.trunk is not None:
        state = branched(study, study.trunk)
        WholeCheckpointIO().save_checkpoint(state, run.checkpoint_path)
        resume_step = int(state["global_step"])
    threads = _threads(config, manifest, resuming=resume_step is not None)
    with threads_limited(threads), interruption.deferred(), _quiet_lightning():
        trainer = _trainer(run, config, manifest, study, loggers, stages)
        attempt = new_attempt(
            device=str(trainer.strategy.root_device), threads=threads, from_step=resume_step or 0
        )
        manifest.status, manifest.failure = "running", None
        manifest.attempts.append(attempt)
        run.write_manifest(manifest)
        begun = "training" if resume_step is None else f"training goes on from step {resume_step}"
        log.info(
            "%s on %s, %s, %s",
            *(begun, attempt.device, counted(threads, "thread"), counted(config["epochs"], "epoch")),
        )
        try:
            checkpoint = None if resume_step is None else run.checkpoint_path
            trainer.fit(study, ckpt_path=checkpoint, weights_only=True)
            study.take_evaluated()
            _check_stop(run, config, study, say)
            study.finish()
            best = _take_best(run, trainer, study, say)
            _write_results(run, manifest, study, best)
            manifest.status = "finished"
        except NonFiniteLossError as error:
            manifest.status, manifest.failure = "failed", {"step": error.step, "message": str(error)}
            kept = "its last good checkpoint is kept" if run.checkpoint_path.exists() else "no checkpoint yet"
            raise RunFailed(f"run {run.fingerprint}: {error}; {kept}") from error
        except BaseException as error:
            manifest.status = "interrupted"
            if isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from error  # what Lightning has made an exit of
            raise
        finally:
            attempt.seconds = round(age_seconds(attempt.started), 3)
            attempt.to_step = study.global_step
            run.write_manifest(manifest)
            told = "".join(f", {name} {value:.6g}" for name, value in manifest.metrics.items())
            log.info("%s at step %d after %.1f s%s", manifest.status, attempt.to_step, attempt.seconds, told)


def _check_stop(run: Run, config: Mapping[str, Any], study: Study, say: Callable[[str], None]) -> None:
    """Say where a callback has stopped training; ValueError if the study has no result there."""
    epoch, epochs = int(study.history[-1]["epoch"]), config["epochs"]
    if epoch >= epochs or config["runtime"].get("debug"):
        return
    if study.global_step < study.needed_steps:
        raise ValueError(
            f"run {run.fingerprint}: a callback stopped it after epoch {epoch} of {epochs}, before the study has "
            f"what it is to give (at step {study.needed_steps})"
        )
    say(f"run {run.fingerprint}: stopped by a callback after epoch {epoch} of {epochs}")


def _take_best(run: Run, trainer: Trainer, study: Study, say: Callable[[str], None]) -> dict[str, float]:
    """Have the network be that of the best epoch, if a callback has kept it; return which, for the manifest."""
    found: dict[str, float] = {}
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, BestWeights) and callback.epoch is not None:
            callback.restore(study)
            found["best_epoch"] = callback.epoch
            say(f"run {run.fingerprint}: ends with the network of epoch {callback.epoch}, its best")
    return found


def _write_results(run: Run, manifest: Manifest, study: Study, best: Mapping[str, float]) -> None:
    for number, state in enumerate(study.final_members()):
        _keep_member(run, manifest, study, number, state)
    run.write_history(study.history)
    run.write_tensors(run.weights_path, study.network.state_dict())
    manifest.epochs, manifest.steps = int(study.history[-1]["epoch"]), int(study.history[-1]["step"])
    manifest.metrics = {**study.final_metrics(), **best}
    manifest.weights_sha256 = sha256(run.weights_path)
    for path in (run.config_path, run.history_path):
        manifest.files_sha256[path.name] = sha256(path)


def _keep_member(
    run: Run, manifest: Manifest, study: Study, number: int, state: Mapping[str, Tensor]
) -> None:
    path, step = run.member_path(number), study.global_step
    run.write_tensors(path, dict(state))
    epoch = step / study.steps_per_epoch
    member = Member(number, step, epoch, study.rate_in_use, run.name_of(path), sha256(path))
    manifest.members = [*(kept for kept in manifest.members if kept.number < number), member]


def _trainer(
    run: Run,
    config: Mapping[str, Any],
    manifest: Manifest,
    study: Study,
    loggers: Sequence[Logger],
    stages: int,
) -> Trainer:
    def save_snapshot(epoch: int) -> None:
        path = run.snapshot_path(epoch)
        with study.evaluated():
            run.write_tensors(path, study.network.state_dict())
        manifest.files_sha256[run.name_of(path)] = sha256(path)
        run.write_manifest(manifest)  # before the checkpoint from which it would not be written again

    def save_member(number: int) -> None:
        with study.evaluated():
            _keep_member(run, manifest, study, number, study.network.state_dict())
        run.write_manifest(manifest)

    def report(step: int, steps: int, loss: float) -> None:
        epoch = -(-step // study.steps_per_epoch)
        write_progress(run, Progress("train", step, steps, epoch, config["epochs"], loss, 0, stages))

    return build_trainer(
        config,
        [
            ReportProgress(report),
            *build_callbacks(config).values(),
            Snapshots(study.snapshot_epochs, save_snapshot),
            Members(save_member),
            Checkpointing(run.checkpoint_path, seconds=config["runtime"]["checkpoint_seconds"]),
        ],
        logger=list(loggers) or False,
        default_root_dir=str(run.folder),
        plugins=[WholeCheckpointIO()],
    )


def _resume_step(run: Run, manifest: Manifest, study: Study, say: Callable[[str], None]) -> int | None:
    """Step of the run's checkpoint, None to train from the start; a damaged checkpoint is set aside."""
    try:
        checkpoint = WholeCheckpointIO().load_checkpoint(run.checkpoint_path)
        state, step = checkpoint["state_dict"], int(checkpoint["global_step"])
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise StoreError(f"{run.checkpoint_path}: cannot be read ({error.strerror})") from error
    except Exception as error:  # whatever torch.load makes of foreign bytes
        aside = set_aside(run.checkpoint_path)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        say(f"{run.checkpoint_path}: damaged ({reason}); set aside as {aside.name}, training from the start")
        return None
    check_state(study.state_dict(), state, run.checkpoint_path)
    check_owner(checkpoint, run.checkpoint_path)
    for path, expected in _written_before(run, manifest, study, step):
        if not run.is_intact(path, expected):
            name_damage(path, say, "training from the start")
            return None
    return step


def _written_before(run: Run, manifest: Manifest, study: Study, step: int) -> list[tuple[Path, str | None]]:
    """Snapshots and members that resuming at ``step`` would not write again, and their hashes."""
    hashes = {member.number: member.sha256 for member in manifest.members}
    steps_per_epoch = study.steps_per_epoch
    snapshots = [
        run.snapshot_path(epoch) for epoch in study.snapshot_epochs if epoch * steps_per_epoch <= step
    ]
    members = [number for number, kept_after in enumerate(study.member_steps) if kept_after < step]
    return [
        *((path, manifest.files_sha256.get(run.name_of(path))) for path in snapshots),
        *((run.member_path(number), hashes.get(number)) for number in members),
    ]


def _threads(config: Mapping[str, Any], manifest: Manifest, *, resuming: bool) -> int:
    """Threads to compute with. Sums depend on their number, so a resumed run keeps what it began with."""
    if resuming and manifest.attempts:
        return manifest.attempts[-1].threads
    return config["runtime"]["threads"] or torch.get_num_threads()


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Hold back Lightning's notices on what is decided for it here; warnings to act on pass."""
    # Deterministic mode fills fresh memory with NaN, for debugging: a tenth of a small network's time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    with lightning_warns_only(), warnings.catch_warnings():
        for message in (
            ".*dataloader is not resumable.*",
            ".*does not have many workers.*",
            ".*litlogger.*",
            ".*LeafSpec.*",
            ".*smaller than the logging interval.*",
        ):
            warnings.filterwarnings("ignore", message)
        yield
