"""Launching jobs through Hydra: all of them checked first, their progress shown, their failures told at the end."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from traceback import format_exc
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import configure_log
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from lossatlas.cli.errors import JobsFailed, one_line, traceback_wanted
from lossatlas.cli.progress import labels, watching
from lossatlas.experiments.collect import locate
from lossatlas.experiments.sweeps import Sweep
from lossatlas.interruption import Interrupted
from lossatlas.runs.check import check_jobs
from lossatlas.runs.composition.compose import job_of
from lossatlas.runs.composition.job import ConfigError, Job
from lossatlas.runs.composition.overrides import Overrides, key_of
from lossatlas.runs.composition.search_path import CONFIG_NAME
from lossatlas.runs.composition.sweep import other_job_among
from lossatlas.runs.ensure import perform, run_of
from lossatlas.runs.store.fingerprint import digest
from lossatlas.runs.store.progress import Progress, write_progress
from lossatlas.runs.tracker import tracker_nodes
from lossatlas.runs.trainer_settings import check_machine


def run_sweeps(sweeps: Sequence[Sweep], *, multirun: bool = False) -> None:
    """Check the jobs of all ``sweeps``, then let Hydra launch them, sweep after sweep.

    No job is launched if one of them cannot be run, on this machine if it is to be. `JobsFailed` when all have ended
    and some have failed;
    `Interrupted` if they were asked to stop.
    """
    jobs = [job for sweep in sweeps for job in sweep.jobs]
    check_jobs(jobs)
    for sweep in sweeps:
        _check_machine(sweep, multirun=multirun)
    try:
        with watching(jobs):
            outcomes = [o for sweep in sweeps for o in _launch(sweep, multirun=multirun)]
    except ChildProcessError as loss:
        raise JobsFailed(str(loss)) from loss
    except KeyboardInterrupt as stop:
        raise Interrupted(f"{_how_far(jobs, str(stop))}; the same command goes on from there") from None
    _raise_failures(jobs, outcomes)


_ELSEWHERE = ("submitit", "ray")
"""What the targets of launchers have in their names whose jobs run on other machines."""


def _check_machine(sweep: Sweep, *, multirun: bool) -> None:
    """Raise `ConfigError` for a job that is to be trained here, and whose trainer this machine does not have."""
    told: dict[str, ConfigError | None] = {}
    for job in (one for asked in sweep.jobs for one in _with_upstream(asked)):
        key = digest(job.config["trainer"])
        if key not in told:
            told[key] = _complaint(job)
        if (error := told[key]) is None or run_of(job).is_finished():
            continue
        _, config = _hydra_config(sweep)
        target = str(config.hydra.launcher["_target_"])
        if not (multirun or config.hydra.mode == RunMode.MULTIRUN) or not any(
            w in target for w in _ELSEWHERE
        ):
            raise error


def _with_upstream(job: Job) -> Iterator[Job]:
    yield job
    for named in job.upstream:
        yield from _with_upstream(named)


def _complaint(job: Job) -> ConfigError | None:
    try:
        check_machine(job.config)
    except ConfigError as error:
        return error
    return None


@dataclass(frozen=True)
class Outcome:
    """How a job ended; what its process hands back, whatever launcher has started it."""

    fingerprint: str
    error: str | None = None  # in one line
    traceback: str | None = None  # of an error that is not the user's, or when asked for


def _launch(sweep: Sweep, *, multirun: bool) -> list[Outcome]:
    """Have Hydra launch the jobs of a sweep, each in the directory of its run.

    That directory is known once a job is composed, so the launcher is given the jobs themselves; Hydra's sweeper would
    take the sweep apart, and compose all its jobs, once more.
    """
    hydra, config = _hydra_config(sweep)
    if not multirun and config.hydra.mode != RunMode.MULTIRUN:
        (job,) = sweep.jobs
        return [
            hydra.run(
                CONFIG_NAME, hydra_job, [_directory(job), *sweep.overrides, "hydra.mode=RUN"]
            ).return_value
        ]
    configure_log(config.hydra.hydra_logging, config.hydra.verbose)
    callbacks = Callbacks(config)
    callbacks.on_multirun_start(config=config, config_name=CONFIG_NAME)
    launcher = Plugins.instance().instantiate_launcher(
        HydraContext(config_loader=hydra.config_loader, callbacks=callbacks), hydra_job, config
    )
    own = ["hydra.mode=MULTIRUN", *_groups(sweep.jobs)]
    jobs = [[*own, _directory(job), *job.overrides.without("hydra")] for job in sweep.jobs]
    returns = launcher.launch(jobs, initial_job_idx=0)
    callbacks.on_multirun_end(config=config, config_name=CONFIG_NAME)
    return [job.return_value for job in returns]


def _groups(jobs: Sequence[Job]) -> list[str]:
    """Overrides that name the groups of a sweep of one's own, which has no name, in trackers: by what it sweeps."""
    trackers = tracker_nodes(jobs[0].config)
    unnamed = [name for name, node in trackers.items() if "group" in node and node["group"] is None]
    if len(jobs) < 2:
        return []
    shared = set.intersection(*(set(job.overrides) for job in jobs))
    swept = dict.fromkeys(key_of(text) for job in jobs for text in job.overrides if text not in shared)
    told = [key for key in swept if key != "seed"] or list(swept)
    places = [name if name == "logger" else f"logger.{name}" for name in unnamed]
    return [f"{place}.group='sweep of {', '.join(told)}'" for place in places]


def _hydra_config(sweep: Sweep) -> tuple[Hydra, DictConfig]:
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    return hydra, hydra.compose_config(CONFIG_NAME, list(sweep.overrides), RunMode.MULTIRUN)


def _directory(job: Job) -> str:
    """Override that makes the directory of the job that of its run."""
    return f"hydra.sweep.subdir='{job.fingerprint}'"  # in quotes, for some look like numbers


def hydra_job(config: DictConfig) -> Outcome:
    """Run one job, in whatever process Hydra's launcher has put it."""
    task, places = HydraConfig.get().overrides.task, Overrides(HydraConfig.get().overrides.hydra).places()
    typed: Any = OmegaConf.to_container(task, resolve=False)  # for other runs they may mean something else
    return attempt(job_of((*typed, *places), config))


def _how_far(jobs: Sequence[Job], stop: str) -> str:
    """What is done of jobs that were asked to stop; ``stop`` is what the one that ran here said."""
    if len(jobs) == 1:
        return stop or "stopped"
    done = sum(not cell.missing for cell in locate(jobs, {}, other_job_among(jobs)))
    return f"stopped with {done} of {len(jobs)} runs done"


def _raise_failures(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    """Raise `JobsFailed` with what the first failed job says, if there is one; print the tracebacks of all."""
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    for outcome in failed:
        if outcome.traceback is not None:
            print(outcome.traceback, file=sys.stderr)
    if not failed:
        return
    names = {job.fingerprint: label for job, label in zip(jobs, labels(jobs), strict=True)}
    first = failed[0]
    if len(jobs) == 1:
        raise JobsFailed(first.error)
    which = "" if len(failed) == 1 else "first "
    # A file of conf/ that was changed meanwhile makes another run of what a worker composes.
    label = names.get(
        first.fingerprint, f"run {first.fingerprint}, composed anew from files that have changed"
    )
    raise JobsFailed(f"{len(failed)} of {len(jobs)} runs failed: {which}{label}: {first.error}")


log = logging.getLogger(__name__)


def attempt(job: Job) -> Outcome:
    """Perform a job and say how it ended; the traceback of an error goes to the run's log.

    KeyboardInterrupt, which no launcher takes for a failed job, if the process was asked to stop.
    """
    try:
        perform(job)
    except Interrupted as error:
        raise KeyboardInterrupt(str(error)) from error
    except Exception as error:
        log.info("failed", exc_info=True)
        with suppress(OSError):
            write_progress(run_of(job), Progress("failed", 1, 1))
        line = one_line(error)
        trace = format_exc() if line is None or traceback_wanted() else None
        return Outcome(job.fingerprint, line or f"{type(error).__name__}: {error}", trace)
    return Outcome(job.fingerprint)
