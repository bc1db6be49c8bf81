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
  values: {slow: 0.01}
  sweeps:
    slow: {model.depth: 14, model.skip: false, rates.sgd: "${experiment.values.slow}", landscape: weights}
hydra:
  mode: MULTIRUN
  sweeper:
    params: {model.depth: "8,14", model.skip: true, seed: "0,1"}
"""
SLOW = (
    'slow: {model.depth: 14, model.skip: false, rates.sgd: "${experiment.values.slow}", landscape: weights}'
)
BESIDE = "slow: {model.depth: 14, model.skip: true, landscape: weights}"


@pytest.fixture(autouse=True)
def experiment(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "choices" / "experiment" / "two"
    folder.mkdir(parents=True)
    (folder / "digits.yaml").write_text(MAIN.lstrip())
    start_hydra(tmp_path / "choices")
    yield folder
    GlobalHydra.instance().clear()


def write(folder: Path, old: str, new: str) -> None:
    """Write the experiment with ``new`` in place of ``old``."""
    assert old in MAIN
    (folder / "digits.yaml").write_text(MAIN.replace(old, new).lstrip())


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
        {(14, False, 0.01, 1), (14, False, 0.01, 2)},
    ]


def test_further_seeds_are_those_of_arms_too() -> None:
    assert cells("seed=5", "model.depth=14") == [{(14, True, 0.1, 5)}, {(14, False, 0.01, 5)}]


@pytest.mark.parametrize("left_out", ["model.skip=true", "model.depth=8"])
def test_a_further_sweep_of_which_nothing_is_left_is_dropped(left_out: str) -> None:
    assert len(cells(left_out)) == 1


def test_what_is_no_axis_holds_for_all_sweeps() -> None:
    assert [{cell[2] for cell in sweep} for sweep in cells("optimizer.lr=0.5")] == [{0.5}, {0.5}]


def test_values_that_only_an_arm_plans_are_asked_of_that_arm() -> None:
    assert cells("model.skip=false") == [{(14, False, 0.01, 0), (14, False, 0.01, 1)}]
    (slow,) = compose_sweeps(["experiment=two", "model.skip=false"])
    assert slow.arm == "slow"
    assert slow.planned == {"model.depth": [14, 8], "model.skip": [False, True], "seed": [0, 1]}


def test_values_that_no_sweep_has_together_are_the_first_ones() -> None:
    assert cells("model.skip=false", "model.depth=8") == [{(8, False, 0.1, 0), (8, False, 0.1, 1)}]


def test_the_own_sweep_alone_is_what_is_left_without_arms() -> None:
    assert [sweep.arm for sweep in compose_sweeps(["experiment=two", "seed=0", "~experiment.sweeps"])] == [
        None
    ]
    assert len(compose_sweeps(["experiment=two", "seed=0", "~experiment.sweeps.slow"])) == 1


def test_what_the_user_sets_wins_over_what_an_arm_sets() -> None:
    assert [{cell[2] for cell in sweep} for sweep in cells("rates.sgd=0.5")] == [{0.5}, {0.5}]
    assert [{cell[2] for cell in sweep} for sweep in cells("experiment.values.slow=0.2")] == [{0.1}, {0.2}]


def test_an_experiment_whose_own_sweep_leaves_an_axis_out_is_its_arms(experiment: Path) -> None:
    write(experiment, 'model.depth: "8,14", model.skip: true, seed', "model.skip: true, seed")
    assert [sweep.arm for sweep in compose_sweeps(["experiment=two", "seed=0"])] == ["slow"]


def test_an_interpolation_with_a_backslash_is_resolved_in_each_job(experiment: Path) -> None:
    write(experiment, '"${experiment.values.slow}"', r"'\${seed}'")
    assert cells()[1] == {(14, False, 0, 0), (14, False, 1, 1)}


@pytest.mark.parametrize(
    ("arm", "complaint"),
    [
        (
            "slow: {model.dept: 14}",
            r"^experiment\.sweeps\.slow: model\.dept: no such key; did you mean model\.depth\?",
        ),
        (
            "slow: {model: rsnet20}",
            r"^experiment\.sweeps\.slow: model=rsnet20: no such choice; did you mean resnet20\?",
        ),
        ("slow: {model.depth: '???'}", r"^experiment\.sweeps\.slow\.model\.depth: is missing"),
        ("slow: {experiment: depth}", r"^experiment\.sweeps\.slow\.experiment: expected a key of a job"),
        (
            "slow: {model.depth: '[8'}",
            r"^experiment\.sweeps\.slow\.model\.depth: expected a value as it is typed, got '\[8'",
        ),
        ("slow: 14", r"^experiment\.sweeps\.slow: expected what the arm sets, .* got 14"),
    ],
)
def test_a_wrong_arm_is_told_by_its_name(experiment: Path, arm: str, complaint: str) -> None:
    write(experiment, SLOW, arm)
    with pytest.raises(ValueError, match=complaint):
        compose_sweeps(["experiment=two", "seed=0"])


def test_what_arms_were_before_is_told() -> None:
    with pytest.raises(ValueError, match=r"^experiment\.also: no such key; experiment\.sweeps holds arms"):
        compose_sweeps(["experiment=two", "+experiment.also=[slow]"])


def test_values_are_still_read_by_their_former_name(capsys: pytest.CaptureFixture[str]) -> None:
    _, slow = compose_sweeps(["experiment=two", "seed=0", "experiment.levels.slow=0.3"])
    assert slow.jobs[0].config["optimizer"]["lr"] == 0.3
    assert "experiment.levels is called experiment.values now" in capsys.readouterr().err


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
    write(experiment, SLOW, BESIDE)
    found = {tuple(cell.coordinates.values()): set(cell.landscapes) for cell in located()}
    assert found == {(8, True, 0): set(), (14, True, 0): {"weights"}}


def test_two_runs_in_one_place_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two different runs have depth 14, seed 0; an axis must"):
        located(axes={"depth": "model.depth", "seed": "seed"})


def test_one_landscape_with_two_settings_in_one_place_is_refused(experiment: Path) -> None:
    (experiment / "digits.yaml").write_text(
        MAIN.replace(SLOW, BESIDE.replace("weights}", "weights, landscape.weights.bins: 11}"))
        .replace("resnet20_narrow\n", "resnet20_narrow\n  - override /landscape: weights\n")
        .lstrip()
    )
    with pytest.raises(
        ValueError, match=r"^landscape\.weights: two sweeps survey depth 14, skip True, seed 0"
    ):
        located()


def test_a_number_is_the_same_however_it_is_written(experiment: Path) -> None:
    """YAML takes 5e-4 for a word, Hydra does not."""
    axes = "axes: {depth: model.depth, decay: optimizer.weight_decay, skip: model.skip, seed: seed}"
    told = MAIN.replace("axes: {depth: model.depth, skip: model.skip, seed: seed}", axes)
    swept = told.replace("params: {", "params: {optimizer.weight_decay: '0.0,0.0005', ")
    (experiment / "digits.yaml").write_text(swept.lstrip())
    cells = located("optimizer.weight_decay=5e-4")
    assert {cell.coordinates["decay"] for cell in cells} == {0.0005}
    assert {cell.coordinates["skip"] for cell in cells} == {True, False}
