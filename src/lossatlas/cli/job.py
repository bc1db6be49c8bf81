"""One job: a run, its landscapes, and their record in the experiment tracker."""

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from traceback import format_exc
from typing import Any

from lossatlas.cli.errors import one_line, traceback_wanted
from lossatlas.interruption import Interrupted
from lossatlas.runs.compose import Job, compose_job
from lossatlas.runs.ensure import ensure
from lossatlas.runs.find import named_run
from lossatlas.runs.fingerprint import fingerprint
from lossatlas.runs.loggers import logging_to
from lossatlas.runs.prerequisites import merge_overrides
from lossatlas.runs.progress import Progress, write_progress
from lossatlas.runs.store import Run, Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a job ended; what its process hands back, whatever launcher has started it."""

    fingerprint: str
    error: str | None = None  # in one line
    traceback: str | None = None  # of an error that is not the user's, or when asked for


def attempt(job: Job) -> Outcome:
    """Perform a job and say how it ended; the traceback of an error goes to the run's log.

    KeyboardInterrupt, which no launcher takes for a failed job, if the process was asked to stop.
    """
    name = fingerprint(job.config)
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
        return Outcome(name, line or f"{type(error).__name__}: {error}", trace)
    return Outcome(name)


def perform(job: Job) -> Run:
    """Have the run and the landscapes of a job: loaded if they are there, else computed."""
    landscapes = job.config["landscape"]
    run = ensure(job.config, overrides=job.overrides, stages=1 + len(landscapes), say=say)
    if landscapes:
        _survey(job, run)
    write_progress(run, Progress("done", 1, 1))
    return run


def _survey(job: Job, run: Run) -> None:
    from lossatlas.runs.survey import Surveyor

    surveyor = Surveyor(run, job.config, lambda value: perform_other(job, value), say)
    found = surveyor.survey_all()
    if not surveyor.computed:
        return
    from lossatlas.cli.pictures import log_landscapes  # matplotlib and plotly, only where they are used

    with logging_to(job.config, subject=run.fingerprint, folder=run.folder, job_type="landscape") as logger:
        log_landscapes(logger, {name: found[name] for name in surveyor.computed})


def say(message: str) -> None:
    """Tell the user something that progress alone does not show."""
    log.info(message)
    print(message, file=sys.stderr, flush=True)


def run_of(job: Job) -> Run:
    """Where the run of a job is, or will be."""
    return Store(job.config["paths"]["runs"]).run(fingerprint(job.config))


def other_job(job: Job, overrides: Sequence[str]) -> Job:
    """Job that ``overrides`` turn this one into."""
    return compose_job(merge_overrides(job.overrides, overrides))


def other_job_among(jobs: Sequence[Job]) -> Callable[[Job, Sequence[str]], Job]:
    """Function as `other_job`, which composes a job only if it is none of ``jobs``."""
    known = {frozenset(job.overrides): job for job in jobs}

    def find(job: Job, overrides: Sequence[str]) -> Job:
        return known.get(frozenset(merge_overrides(job.overrides, overrides))) or other_job(job, overrides)

    return find


def perform_other(job: Job, value: Any) -> Run:
    """Have the run that a landscape of ``job`` names by ``value``: overrides, or the fingerprint of a finished run."""

    def from_overrides(overrides: Sequence[str]) -> Run:
        other = other_job(job, overrides)
        return ensure(other.config, overrides=other.overrides, say=say)

    return named_run(value, job.config, from_overrides)
