"""Configurations are composed as seldom as can be: each takes a quarter of a second."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import pytest

from lossatlas.experiments.collect import locate
from lossatlas.runs.composition import compose as composing
from lossatlas.runs.composition.compose import compose_config, compose_job, start_hydra
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.parsing import parsed, texts
from lossatlas.runs.composition.sweep import Composer, compose_jobs, other_job_among
from lossatlas.runs.store.references import TO_RUNS, references


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """Overrides of all that is composed in the test."""
    start_hydra()  # which forgets what was composed before
    found: list[Sequence[str]] = []
    compose = composing.compose

    def counting(name: str, overrides: list[str], **options: Any) -> Any:
        found.append(overrides)
        return compose(name, overrides, **options)

    monkeypatch.setattr(composing, "compose", counting)
    return found


def named_by(jobs: Sequence[Job]) -> set[str]:
    return {named.fingerprint for job in jobs for named in job.upstream}


def test_jobs_of_a_sweep_that_differ_in_values_are_composed_once_and_so_are_the_runs_that_they_name(
    composed: list[Sequence[str]],
) -> None:
    """Until they are checked; whatever makes the jobs' directories composes nothing."""
    arm = ["study=distance_kernel", "study.checkpoints=[1]", "epochs=2", "study.trunk={run: ['epochs=1']}"]
    jobs = compose_jobs(["model=mlp", *arm, "study.strength=1,2,3", "seed=0,1"], multirun=True)
    assert (len(jobs), len(named_by(jobs))) == (6, 2)
    assert len(composed) == 1 + 1 + 1  # what they share, the jobs, their trunks
    assert len({job.fingerprint for job in jobs}) == 6
    assert len(composed) == 3


def test_jobs_that_share_a_composition_are_those_that_are_composed_each_by_itself() -> None:
    """Also where seeds stand in what else they set, and beside seeds that are no whole numbers."""
    ends = "study.ends=[{run: ['seed=1${seed}']}, {run: ['seed=2${seed}']}]"
    sweep = ["model=mlp", "study=curve", ends, "optimizer.lr=0.1,0.2", "seed=0,7,1e2"]
    for job in compose_jobs(sweep, multirun=True):
        alone = compose_job(job.overrides)
        assert (job.overrides, job.config) == (alone.overrides, alone.config)


def test_a_run_that_landscapes_name_is_composed_once_however_often_it_is_located(
    composed: list[Sequence[str]],
) -> None:
    to = ["landscape=interpolation", 'landscape.interpolation.other.run=["seed=7"]']
    jobs = compose_jobs(["model=mlp", *to, "seed=0,7,8"], multirun=True)
    before = len(composed)
    other_job = other_job_among(jobs)
    for _ in range(2):
        cells = locate(jobs, {}, other_job)
    assert len(composed) == before  # it is one of the jobs
    assert [len(cell.landscapes) for cell in cells] == [1, 0, 1]
    fresh = other_job_among(jobs[:1])
    for _ in range(2):
        locate(jobs[:1], {}, fresh)
    assert len(composed) == before + 1
    assert [named.value for named in references(jobs[0].config["landscape"], kinds=TO_RUNS)] == [["seed=7"]]


@pytest.mark.parametrize(
    "sweep",
    [
        [
            "model=mlp,lenet",
            "optimizer=sgd,adam",
            "optimizer.lr=0.1,'${seed}'",
            "seed=0,1",
        ],  # a value refers to another
        ["model=mlp", "model.hidden=[8],[8,8],4", "+optimizer.foreach=true,false", "~regularizer"],
        ["model=mlp", "scheduler=step", "study.loss=null,{_target_: torch.nn.NLLLoss}", "epochs=1,2"],
        ["model=mlp", "study.loss={_target_: torch.nn.NLLLoss},{_target_: torch.nn.MSELoss}"],
        [
            "model=mlp",
            "landscape=[line]",
            "landscape.line={points: 3},{directions: 2}",
            "landscape.line.points=5,7",
        ],
        ["model=mlp", "study.metrics=null,{},{error: null}", "data.batch_size=16,32"],
    ],
)
def test_whatever_is_swept_a_job_is_the_one_that_is_composed_by_itself(sweep: list[str]) -> None:
    def outcome(compose: Callable[[Sequence[str]], Job], overrides: Sequence[str]) -> Job | type[Exception]:
        try:
            return compose(overrides)
        except Exception as error:
            return type(error)

    composer = Composer()
    values = [[f"{text.partition('=')[0]}={value}" for value in texts(parsed(text))] for text in sweep]
    jobs = list(product(*values))
    found = [outcome(composer.job, job) for job in jobs]
    assert found == [outcome(compose_job, job) for job in jobs]
    assert any(isinstance(one, Job) for one in found)


@pytest.mark.parametrize(
    "override",
    [
        *("model=../model/mlp", "model=./mlp", "model@model=../../conf/model/mlp", "model=mlp,../model/vgg9"),
        *(
            "landscape=[line,../landscape/surface]",
            "experiment=../experiment/width/digits",
            "model='../model/mlp'",
        ),
    ],
)
def test_a_choice_is_a_name_and_not_the_path_of_a_file(override: str) -> None:
    """Hydra would follow it to wherever it leads, out of the folders of configurations."""
    with pytest.raises(ValueError, match=r": expected the name of a choice.*; not the path of a file$"):
        compose_config([override])
