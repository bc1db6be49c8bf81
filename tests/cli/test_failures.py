"""How the jobs of a sweep that failed are told."""

import pytest
from typed import DATA

from lossatlas.cli.errors import JobsFailed
from lossatlas.cli.launch import Outcome, _raise_failures
from lossatlas.runs.composition.sweep import compose_jobs

JOBS = ("model=mlp", "init=default", *DATA, "seed=0,1")


def test_the_first_that_failed_is_named_by_what_differs() -> None:
    jobs = compose_jobs(JOBS, multirun=True)
    outcomes = [Outcome(jobs[0].fingerprint), Outcome(jobs[1].fingerprint, error="no memory")]
    with pytest.raises(JobsFailed, match=r"1 of 2 runs failed: seed=1: no memory"):
        _raise_failures(jobs, outcomes)


def test_one_whose_files_have_changed_meanwhile_is_told_with_what_it_says() -> None:
    """Its worker composes it anew, to another fingerprint."""
    jobs = compose_jobs(JOBS, multirun=True)
    outcomes = [Outcome(jobs[0].fingerprint), Outcome("0123456789abcdef", error="no memory")]
    with pytest.raises(JobsFailed, match=r"run 0123456789abcdef, composed anew .* changed: no memory"):
        _raise_failures(jobs, outcomes)
