"""One job: a run, its landscapes, and their record in the experiment tracker."""

import logging
import sys
from collections.abc import Sequence

from lossatlas.runs.compose import Job, compose_job, merge_overrides
from lossatlas.runs.ensure import ensure
from lossatlas.runs.loggers import logging_to
from lossatlas.runs.progress import Progress, write_progress
from lossatlas.runs.store import Run

log = logging.getLogger(__name__)


def say(message: str) -> None:
    """Tell the user something that progress alone does not show."""
    log.info(message)
    print(message, file=sys.stderr, flush=True)


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

    surveyor = Surveyor(run, job.config, lambda overrides: perform_other(job, overrides), say)
    found = surveyor.survey_all()
    if not surveyor.computed:
        return
    from lossatlas.cli.pictures import log_landscapes  # matplotlib and plotly, only where they are used

    with logging_to(job.config, subject=run.fingerprint, folder=run.folder, job_type="landscape") as logger:
        log_landscapes(logger, {name: found[name] for name in surveyor.computed})


def other_job(job: Job, overrides: Sequence[str]) -> Job:
    """Job that ``overrides`` turn this one into."""
    return compose_job(merge_overrides(job.overrides, overrides))


def perform_other(job: Job, overrides: Sequence[str]) -> Run:
    """Have the run that a landscape of ``job`` names by overrides."""
    other = other_job(job, overrides)
    return ensure(other.config, overrides=other.overrides, say=say)
