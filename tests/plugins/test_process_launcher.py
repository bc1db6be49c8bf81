"""The launcher that runs the jobs of a sweep side by side, with jobs that do nothing but tell of themselves."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tasks
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import InstantiationException

from lossatlas.runs.composition.compose import start_hydra

CONFIG = """
defaults:
  - override hydra/launcher: processes
  - override hydra/hydra_logging: lossatlas
  - override hydra/job_logging: none
  - _self_
n: 0
seconds: 0.0
hydra:
  output_subdir: null
  job: {chdir: false}
  sweep: {dir: out, subdir: "${hydra.job.num}"}
"""

Launch = Callable[..., list[JobReturn]]


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    """Function that sweeps a task over n=0,1,... in an empty folder and returns what the jobs returned."""
    (tmp_path / "choices").mkdir()
    (tmp_path / "choices" / "config.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    for name in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)

    def run(task: Callable[..., Any], jobs: int, at_a_time: int = 2, *overrides: str) -> list[JobReturn]:
        hydra = start_hydra(tmp_path / "choices")
        numbers = f"n={','.join(map(str, range(jobs)))}"
        (batch,) = hydra.multirun("config", task, [numbers, f"hydra.launcher.jobs={at_a_time}", *overrides])
        return batch

    return run


def test_results_are_in_the_order_of_the_jobs_whichever_ends_first(launch: Launch) -> None:
    said = [job.return_value for job in launch(tasks.first_last, 4)]
    assert [n for n, _ in said] == [0, 1, 2, 3]
    assert said[0][1] > said[3][1]


def test_so_many_processes_do_all_jobs(launch: Launch) -> None:
    pids = {job.return_value["pid"] for job in launch(tasks.describe, 5, 2, "seconds=0.1")}
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_jobs_run_at_the_same_time(launch: Launch) -> None:
    assert [job.return_value for job in launch(tasks.meet, 2)] == [0, 1]


def test_the_cores_are_shared_out_unless_threads_are_given(launch: Launch) -> None:
    cores = len(os.sched_getaffinity(0))
    (job,) = launch(tasks.describe, 1, 1)
    assert job.return_value["OMP_NUM_THREADS"] == job.return_value["MKL_NUM_THREADS"] == str(cores)
    (job,) = launch(tasks.describe, 1, 1, "hydra.launcher.threads=3")
    assert job.return_value["OMP_NUM_THREADS"] == "3"
    assert "OMP_NUM_THREADS" not in os.environ


def test_what_the_user_says_of_threads_stays(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    (job,) = launch(tasks.describe, 1, 1)
    assert job.return_value["OMP_NUM_THREADS"] == "7"


def test_each_process_has_a_gpu_of_its_own(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-5f")
    said = [job.return_value for job in launch(tasks.describe, 4, 2, "seconds=0.2")]
    by_process = {job["pid"]: job["CUDA_VISIBLE_DEVICES"] for job in said}
    assert sorted(by_process.values()) == ["3", "GPU-5f"]
    assert all(by_process[job["pid"]] == job["CUDA_VISIBLE_DEVICES"] for job in said)


def test_a_job_that_fails_says_so_and_the_others_are_done(launch: Launch) -> None:
    """Hydra's sweeper raises the first error that it meets, when all jobs have ended."""
    with pytest.raises(ValueError, match="no luck"):
        launch(tasks.fail_at_one, 3)


@pytest.mark.parametrize(
    ("task", "how"),
    [
        (tasks.die_at_one, "was killed, perhaps because memory ran out"),
        (tasks.exit_at_one, "ended with status 3"),
    ],
    ids=["killed", "exit"],
)
def test_a_process_that_dies_is_named_with_its_job_when_the_others_are_done(
    launch: Launch, task: Callable[..., Any], how: str, tmp_path: Path
) -> None:
    with pytest.raises(ChildProcessError, match=f"^the process of n=1 {how}; what was finished is kept"):
        launch(task, 4, 1)  # one process at a time: another takes the dead one's place
    if task is tasks.die_at_one:
        assert sorted(path.name for path in tmp_path.glob("done-*")) == ["done-0", "done-2", "done-3"]


def test_what_jobs_print_comes_through_the_parent_in_whole_lines(
    launch: Launch, capsys: pytest.CaptureFixture[str]
) -> None:
    launch(tasks.talk, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    for n in (0, 1):
        assert [line for line in lines if f"job {n}" in line] == [
            f"job {n} says hello",
            f"and job {n} goes",
            f"job {n} erred",
        ]


def test_a_request_to_stop_reaches_the_jobs_that_run_and_starts_no_other(
    launch: Launch, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        launch(tasks.stop_parent, 4)
    begun = {path.name for path in tmp_path.glob("begun-*")}
    assert begun <= {"begun-0", "begun-1"}
    assert begun


@pytest.mark.parametrize(
    "override", ["hydra.launcher.jobs=0", "hydra.launcher.threads=-1", "hydra.launcher.jobs=x"]
)
def test_numbers_that_cannot_be_meant_are_refused(launch: Launch, override: str) -> None:
    with pytest.raises(InstantiationException) as refusal:
        launch(tasks.describe, 1, 1, override)
    key = override.partition("=")[0]
    assert f"{key} must be a whole number >= 1, or null" in str(refusal.value.__cause__ or refusal.value)


def test_the_state_of_a_job_is_hydras(launch: Launch) -> None:
    jobs = launch(tasks.describe, 2)
    assert [job.overrides for job in jobs] == [["n=0"], ["n=1"]]
    assert [job.hydra_cfg.hydra.job.num for job in jobs] == [0, 1]
    assert {job.status for job in jobs} == {JobStatus.COMPLETED}
