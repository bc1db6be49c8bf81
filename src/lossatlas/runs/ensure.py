"""``ensure``: the run of a configuration, loaded if it is finished, resumed or trained if it is not."""

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lossatlas import interruption
from lossatlas.runs.build import build
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.composition.sweep import other_job
from lossatlas.runs.process_settings import settings_restored
from lossatlas.runs.run_files import WholeCheckpointIO, check_owner
from lossatlas.runs.store.fingerprint import RESULTS_VERSION, fingerprint
from lossatlas.runs.store.lookup import named_run
from lossatlas.runs.store.manifest import new_manifest
from lossatlas.runs.store.progress import Progress, write_progress
from lossatlas.runs.store.store import Run, Store, StoreError
from lossatlas.runs.tracker import final, logging_to
from lossatlas.runs.train import RunFailed, train
from lossatlas.runs.trainer_settings import check_machine
from lossatlas.studies import TrainedNetwork

log = logging.getLogger(__name__)


def ensure(
    config: Mapping[str, Any],
    *,
    overrides: Sequence[str] = (),
    stages: int = 1,
    say: Callable[[str], None] = log.info,
) -> Run:
    """Return the finished run of ``config``, a resolved plain configuration, trained or resumed if need be.

    Processes that ask for the same run at the same time train it once. ``overrides`` are recorded, ``say`` is
    told what the user should know, and training is the first of the ``stages`` phases of the job.

    The runs that the study names are had first, in the same way. The process's settings (deterministic algorithms,
    threads, environment, random numbers) are afterwards as before.

    `ConfigError` if this machine does not have the accelerator, or the precision, that is asked for, and nothing is
    left behind; `RunFailed` if the training failed, now or earlier; `Interrupted` if the process was asked to stop;
    `StoreError` if the run's folder cannot be used.
    """
    return ensure_job(Job(Overrides(overrides), dict(config)), stages=stages, say=say)


def ensure_job(job: Job, *, stages: int = 1, say: Callable[[str], None] = log.info) -> Run:
    """As `ensure`, of the configuration of ``job``, whose overrides are recorded."""
    config, run = job.config, run_of(job)
    if run.is_finished():
        _name_left_out(run, config, say)
        return run
    check_machine(config)
    for named in job.upstream:
        ensure_job(named, say=say)
    with run.lock(say), interruption.deferred():
        if run.is_finished():
            return run
        run.check_contained()
        run.remove_leftovers()
        run.set_damage_aside(say)
        experiment, typed = config["experiment"]["name"], list(job.overrides)
        manifest = run.manifest() or new_manifest(
            job.fingerprint, RESULTS_VERSION, seed=config["seed"], experiment=experiment, overrides=typed
        )
        if not run.is_signed():  # others' overrides are not taken for one's own
            manifest.experiment, manifest.overrides = experiment, typed
        if manifest.status == "failed":
            reason = (manifest.failure or {}).get("message", "")
            raise RunFailed(
                f"run {run.fingerprint} failed before: {reason}; remove {run.folder} to try again"
            )
        run.write_config(config)
        tracker = logging_to(
            config, subject=run.fingerprint, folder=run.folder, job_type="train", overrides=typed
        )
        with settings_restored(), tracker as loggers:
            study = build(config, partial(_trained, config))
            train(run, config, study, manifest, loggers=loggers, stages=stages, say=say)
            for logger in loggers:
                logger.log_metrics(final(manifest.metrics), step=manifest.steps)
    return run


def _name_left_out(run: Run, config: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Say which callbacks the finished run was trained without: those that are no part of its fingerprint."""
    wanted = {name for name, node in (config.get("callbacks") or {}).items() if node is not None}
    if left_out := sorted(wanted - (run.config().get("callbacks") or {}).keys() if wanted else ()):
        say(f"run {run.fingerprint} is there, trained without callbacks.{', callbacks.'.join(left_out)}")


def _trained(config: Mapping[str, Any], named: Mapping[str, Any]) -> TrainedNetwork:
    """What the run ``named`` in the study of ``config``, which is finished, has trained."""
    run = Store(config["paths"]["runs"]).run(fingerprint(named))
    return TrainedNetwork(
        f"run {run.fingerprint}", run.state(), named["seed"], partial(_training_state, run), named["epochs"]
    )


def _training_state(run: Run) -> Mapping[str, Any]:
    try:
        state: Mapping[str, Any] = WholeCheckpointIO().load_checkpoint(run.checkpoint_path)
    except Exception as error:  # whatever torch.load makes of foreign bytes
        reason = "missing" if isinstance(error, FileNotFoundError) else "damaged"
        raise StoreError(
            f"{run.checkpoint_path}: {reason}; remove {run.folder} to have the run trained again"
        ) from error
    check_owner(state, run.checkpoint_path)
    return state


def perform(job: Job) -> Run:
    """Have the run and the landscapes of a job: loaded if they are there, else computed."""
    landscapes = job.config["landscape"]
    run = ensure_job(job, stages=1 + len(landscapes), say=say)
    if landscapes:
        _survey(job, run)
    write_progress(run, Progress("done", 1, 1))
    return run


def _survey(job: Job, run: Run) -> None:
    from lossatlas.runs.surveyor import Surveyor

    surveyor = Surveyor(run, job.config, lambda value: perform_other(job, value), say)
    surveyor.log_computed(surveyor.survey_all())


def say(message: str) -> None:
    """Tell the user something that progress alone does not show."""
    log.info(message)
    print(message, file=sys.stderr, flush=True)


def run_of(job: Job) -> Run:
    """Where the run of a job is, or will be."""
    return Store(job.config["paths"]["runs"]).run(job.fingerprint)


def perform_other(job: Job, value: Any) -> Run:
    """Have the run that a landscape of ``job`` names by ``value``: overrides, or the fingerprint of a finished run."""
    return named_run(value, job.config, lambda overrides: ensure_job(other_job(job, overrides), say=say))
