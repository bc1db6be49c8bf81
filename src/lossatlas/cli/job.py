"""One job: a run, its landscapes, and their record in the experiment tracker."""

import logging
import sys

from lossatlas.cli.pictures import log_landscapes
from lossatlas.runs.compose import Job, compose_job, merge_overrides
from lossatlas.runs.ensure import ensure
from lossatlas.runs.loggers import logging_to
from lossatlas.runs.progress import Progress, write_progress
from lossatlas.runs.store import Run
from lossatlas.runs.survey import Surveyor

log = logging.getLogger(__name__)


def say(message: str) -> None:
    """Tell the user something that progress alone does not show."""
    log.info(message)
    print(message, file=sys.stderr, flush=True)


def perform(job: Job) -> Run:
    """Have the run and the landscapes of a job: loaded if they are there, else computed."""
    run = ensure(job.config, overrides=job.overrides, stages=1 + len(job.config["landscape"]), say=say)
    surveyor = Surveyor(run, job.config, lambda overrides: perform_other(job, overrides), say)
    found = surveyor.survey_all()
    if surveyor.computed:
        with logging_to(job.config, run, job_type="landscape") as logger:
            log_landscapes(logger, {name: found[name] for name in surveyor.computed})
    write_progress(run, Progress("done", 1, 1))
    return run


def other_job(job: Job, overrides: list[str] | tuple[str, ...]) -> Job:
    """Job that ``overrides`` turn this one into."""
    return compose_job(merge_overrides(job.overrides, overrides))


def perform_other(job: Job, overrides: list[str] | tuple[str, ...]) -> Run:
    """Have the run that a landscape of ``job`` names by overrides."""
    other = other_job(job, overrides)
    return ensure(other.config, overrides=other.overrides, say=say)
