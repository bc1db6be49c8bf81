"""`distance_ensemble` at scale paper against the distance-kernel thesis, and an arm's first step on a tiny CIFAR-10."""

import csv
from collections.abc import Callable
from typing import Any

import pytest
from paper import composed

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import compose_sweeps
from lossatlas.runs.build import make
from lossatlas.runs.composition.search_path import config_folder
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.store import Run

Config = dict[str, Any]
STRENGTHS = {"weak": 1, "middle": 10, "strong": 100}
AGREE = {"plain": 7648, "cosine": 9130, "weak": 7658, "middle": 7739, "strong": 7788}  # table 4.1, of 10,000


@pytest.fixture(scope="module")
def configs() -> dict[str, Config]:
    """Configuration of each arm at one seed."""
    sweeps = compose_sweeps(["experiment=distance_ensemble", "scale=paper", "seed=0"])
    return {
        override.removeprefix("experiment.arm="): job.config
        for sweep in sweeps
        for job in sweep.jobs
        for override in job.overrides
        if override.startswith("experiment.arm=")
    }


def test_the_arms_are_those_of_table_4_1_and_independent_runs(configs: dict[str, Config]) -> None:
    assert set(configs) == {*AGREE, "independent"}
    for arm, config in configs.items():
        strength = STRENGTHS.get(arm)
        assert config["study"]["push"]["_target_"].rpartition(".")[2] == ("Away" if strength else "Nothing")
        assert strength is None or config["study"]["strength"] == strength
        assert config["model"]["_target_"] == "lossatlas.models.MobileNetV2"


def test_a_member_is_kept_every_150_of_750_epochs_and_at_the_end(configs: dict[str, Config]) -> None:
    for config in configs.values():
        levels = config["experiment"]["values"]
        assert (config["epochs"], config["study"]["every"]) == (750, 150)
        assert levels["ends"] == [*range(150, 750, 150), 750]
        assert levels["size"] == len(levels["ends"]) == 5
    assert make(configs["cosine"]["scheduler"]).minima(750 * 352, 352) == tuple(
        epoch * 352 for epoch in levels["ends"]
    )


def test_ensembles_are_surveyed_with_either_average(configs: dict[str, Config]) -> None:
    for config in configs.values():
        surveys = config["landscape"]
        assert [surveys[name]["combine"] for name in ("ensemble", "logits")] == ["probabilities", "logits"]
        assert surveys["ensemble"]["members"] == surveys["logits"]["members"]
        assert surveys["ensemble"]["splits"] == ["test"]


def test_independent_networks_are_as_many_as_members_and_each_has_the_whole_training(
    configs: dict[str, Config],
) -> None:
    survey = configs["independent"]["landscape"]["ensemble"]
    assert survey["own"] is True
    assert survey["members"] == [{"run": [f"seed={k}0"]} for k in range(1, 5)]
    assert fingerprint(configs["independent"]) == fingerprint(configs["plain"])  # its own network is that one


def test_at_scale_digits_the_arms_are_runs_of_the_other_experiments() -> None:
    """There training is as long as in `distance_multiple`; in the thesis it is longer."""
    ensemble = {
        arm: fingerprint(composed(f"distance_ensemble/{file}", f"experiment.arm={arm}"))
        for arm, file in (("plain", "digits"), ("strong", "digits_distanced"), ("cosine", "digits_cosine"))
    }
    strongest = composed("distance_multiple/digits")["experiment"]["values"]["strong"]
    assert ensemble == {
        "plain": fingerprint(composed("distance_multiple/digits_plain")),
        "strong": fingerprint(composed("distance_multiple/digits", f"experiment.strength={strongest}")),
        "cosine": fingerprint(composed("distance_schedule/digits_cosine")),
    }


def test_the_claims_carry_the_numbers_of_table_4_1() -> None:
    claims = definition("distance_ensemble", composed("distance_ensemble/paper")["experiment"])["claims"]
    papers = {claim["id"]: claim["paper"] for claim in claims if claim["paper"]}
    trend = papers["T-Tab4.1 strength"]
    printed = [AGREE[arm] / 100 for arm in ("plain", "weak", "middle", "strong")]
    assert [trend["first"], trend["second"], *trend["further"]] == pytest.approx(printed)
    cosine = papers["T-Tab4.1 cosine"]
    assert [cosine["first"], cosine["second"]] == pytest.approx(
        [AGREE["cosine"] / 100, AGREE["strong"] / 100]
    )


def test_the_curves_of_the_figures_end_where_the_claims_say() -> None:
    file = config_folder() / "experiment" / "distance_ensemble" / "reference.csv"
    with file.open(newline="") as rows:
        ends = {
            row["arm"]: 100 * float(row["value"])
            for row in csv.DictReader(rows)
            if row["quantity"] == "ensemble_error" and row["epoch"] == "750"
        }
    expected = {"plain": 5.9, "weak": 5.78, "middle": 5.76, "strong": 5.73, "cosine": 4.1}
    assert ends == pytest.approx(expected, abs=0.05)


@pytest.mark.slow
def test_an_arm_takes_a_step_and_keeps_two_members(one_step: Callable[..., Run]) -> None:
    start = ["study.trunk=null", "study.every=null", "study.checkpoints=[0]", "data.validation=0"]
    run = one_step("distance_ensemble/paper_distanced", *start)
    assert sorted(run.members()) == [0, 1]
    assert run.history().squared_distance_0.iloc[-1] > 0
