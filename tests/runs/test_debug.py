"""Runs that find faults: short, and in a store of their own."""

from pathlib import Path

import pytest
import torch
from small_runs import EPOCH, SMALL, manifest_of

from lossatlas.runs.check import check_jobs
from lossatlas.runs.composition.compose import compose_config, compose_job
from lossatlas.runs.composition.job import Job
from lossatlas.runs.ensure import ensure

OVERRIDDEN = ("epochs=", "runtime.", "logger=", "trainer=")


def debugged(choice: str, *overrides: str) -> Job:
    kept = [override for override in SMALL if not override.startswith(OVERRIDDEN)]
    return compose_job([*kept, "trainer=cpu", f"debug={choice}", *overrides])


@pytest.mark.parametrize("choice", ["default", "limit", "profiler"])
def test_a_run_that_finds_faults_is_short_and_enters_no_store(
    tmp_path: Path, choice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = debugged(choice)
    check_jobs([job])
    run = ensure(job.config)
    assert run.folder.parent == Path("debug/runs")
    assert manifest_of(run).steps == EPOCH
    assert (tmp_path / "debug" / "results" / "fit-profile.txt").exists() == (choice == "profiler")
    assert not Path("runs").exists()
    assert not torch.is_anomaly_enabled()


def test_three_steps_are_taken_of_a_longer_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert manifest_of(ensure(debugged("limit", "data.batch_size=4").config)).steps == 3


def test_it_comes_after_an_experiment_and_is_overridden_by_what_is_typed() -> None:
    config = compose_config(["experiment=width/digits", "debug=default", "epochs=2"])
    assert (config.epochs, config.paths.runs, config.paths.results) == (2, "debug/runs", "debug/results")
    assert compose_config(["experiment=width/digits", "debug=default"]).epochs == 1
