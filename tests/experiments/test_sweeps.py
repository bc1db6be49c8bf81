"""An experiment of two sweeps: depth by skips at one rate, and one network of them at a rate of its own."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra.core.global_hydra import GlobalHydra

from lossatlas.experiments.collect import locate
from lossatlas.experiments.sweeps import compose_sweeps
from lossatlas.runs.composition.compose import compose_job, start_hydra
from lossatlas.runs.composition.job import Job

MAIN = """
# @package _global_
defaults:
  - override /model: resnet20_narrow
experiment:
  name: two
  axes: {depth: model.depth, skip: model.skip, seed: seed}
  also: [slow]
hydra:
  mode: MULTIRUN
  sweeper:
    params: {model.depth: "8,14", model.skip: true, seed: "0,1"}
"""
SLOW = """
# @package _global_
defaults:
  - override /model: resnet20_narrow
  - override /landscape: weights
rates: {sgd: 0.01}
experiment:
  name: two
  axes: {depth: model.depth, skip: model.skip, seed: seed}
hydra:
  mode: MULTIRUN
  sweeper:
    params: {model.depth: "14", model.skip: false, seed: "0,1"}
"""


@pytest.fixture(autouse=True)
def experiment(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "choices" / "experiment" / "two"
    folder.mkdir(parents=True)
    (folder / "digits.yaml").write_text(MAIN.lstrip())
    (folder / "slow.yaml").write_text(SLOW.lstrip())
    start_hydra(tmp_path / "choices")
    yield folder
    GlobalHydra.instance().clear()


def cells(*overrides: str) -> list[set[tuple[Any, ...]]]:
    """(depth, skip, rate, seed) of the jobs of each sweep."""
    return [
        {
            (config["model"]["depth"], config["model"]["skip"], config["optimizer"]["lr"], config["seed"])
            for config in (job.config for job in sweep.jobs)
        }
        for sweep in compose_sweeps(["experiment=two", *overrides])
    ]


def test_the_jobs_of_all_sweeps_are_composed_each_with_its_own_file() -> None:
    assert cells() == [
        {(8, True, 0.1, 0), (8, True, 0.1, 1), (14, True, 0.1, 0), (14, True, 0.1, 1)},
        {(14, False, 0.01, 0), (14, False, 0.01, 1)},
    ]


def test_values_of_an_axis_select_among_those_that_a_further_sweep_plans() -> None:
    assert cells("seed=1,2", "model.depth=14,20") == [
        {(14, True, 0.1, 1), (14, True, 0.1, 2), (20, True, 0.1, 1), (20, True, 0.1, 2)},
        {(14, False, 0.01, 1)},
    ]


@pytest.mark.parametrize("left_out", ["model.skip=true", "model.depth=8", "seed=5"])
def test_a_further_sweep_of_which_nothing_is_left_is_dropped(left_out: str) -> None:
    assert len(cells(left_out)) == 1


def test_what_is_no_axis_holds_for_all_sweeps() -> None:
    assert [{cell[2] for cell in sweep} for sweep in cells("optimizer.lr=0.5")] == [{0.5}, {0.5}]


def test_a_sweep_can_be_asked_for_by_itself() -> None:
    assert cells()[1:] == [
        {
            (
                j.config["model"]["depth"],
                j.config["model"]["skip"],
                j.config["optimizer"]["lr"],
                j.config["seed"],
            )
            for s in compose_sweeps(["experiment=two/slow"])
            for j in s.jobs
        }
    ]


def test_the_planned_values_are_the_files_and_single_ones_count() -> None:
    main, slow = compose_sweeps(["experiment=two", "seed=0"])
    assert main.planned == {"model.depth": [8, 14], "model.skip": [True], "seed": [0, 1]}
    assert slow.planned == {"model.depth": [14], "model.skip": [False], "seed": [0, 1]}


def test_what_a_dropped_sweep_plans_stands_with_the_first() -> None:
    (main,) = compose_sweeps(["experiment=two", "model.skip=true"])
    assert main.planned == {"model.depth": [8, 14], "model.skip": [True, False], "seed": [0, 1]}


def other_job(job: Job, overrides: Sequence[str]) -> Job:
    return compose_job(job.overrides.merged(overrides))


def located(*overrides: str, axes: dict[str, str] | None = None) -> list[Any]:
    sweeps = compose_sweeps(["experiment=two", "seed=0", *overrides])
    jobs = [job for sweep in sweeps for job in sweep.jobs]
    return locate(jobs, axes or jobs[0].config["experiment"]["axes"], other_job)


def test_their_cells_lie_side_by_side() -> None:
    found = {tuple(cell.coordinates.values()): set(cell.landscapes) for cell in located()}
    assert found == {(8, True, 0): set(), (14, True, 0): set(), (14, False, 0): {"weights"}}


def test_one_run_in_one_place_is_one_cell_with_the_landscapes_of_all_sweeps(experiment: Path) -> None:
    same = SLOW.replace("rates: {sgd: 0.01}\n", "").replace("model.skip: false", "model.skip: true")
    (experiment / "slow.yaml").write_text(same.lstrip())
    found = {tuple(cell.coordinates.values()): set(cell.landscapes) for cell in located()}
    assert found == {(8, True, 0): set(), (14, True, 0): {"weights"}}


def test_two_runs_in_one_place_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two different runs have depth 14, seed 0; an axis must"):
        located(axes={"depth": "model.depth", "seed": "seed"})


def test_one_landscape_with_two_settings_in_one_place_is_refused(experiment: Path) -> None:
    same = SLOW.replace("rates: {sgd: 0.01}\n", "").replace("model.skip: false", "model.skip: true")
    (experiment / "slow.yaml").write_text(same.lstrip() + "landscape: {weights: {bins: 11}}\n")
    main = MAIN.replace("resnet20_narrow\n", "resnet20_narrow\n  - override /landscape: weights\n")
    (experiment / "digits.yaml").write_text(main.lstrip())
    with pytest.raises(
        ValueError, match=r"^landscape\.weights: two sweeps survey depth 14, skip True, seed 0"
    ):
        located()


def test_a_number_is_the_same_however_it_is_written(experiment: Path) -> None:
    """YAML takes 5e-4 for a word, Hydra does not."""
    axes = "axes: {depth: model.depth, decay: optimizer.weight_decay, skip: model.skip, seed: seed}"
    for file, text in (("digits", MAIN), ("slow", SLOW)):
        told = text.replace("axes: {depth: model.depth, skip: model.skip, seed: seed}", axes)
        swept = told.replace("params: {", "params: {optimizer.weight_decay: '0.0,0.0005', ")
        (experiment / f"{file}.yaml").write_text(swept.lstrip())
    cells = located("optimizer.weight_decay=5e-4")
    assert {cell.coordinates["decay"] for cell in cells} == {0.0005}
    assert {cell.coordinates["skip"] for cell in cells} == {True, False}
