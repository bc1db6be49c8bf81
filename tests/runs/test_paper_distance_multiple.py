"""`distance_multiple` at scale paper against the distance-kernel thesis, and one step of an arm on a tiny CIFAR-10."""

import csv
import math
from collections.abc import Callable
from typing import Any

import pytest
from paper import chosen, composed

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import Sweep, compose_sweeps
from lossatlas.runs.composition.search_path import config_folder
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.store import Run

Config = dict[str, Any]
ARMS = {  # with the strengths that each has
    "divided": {0, 1, 10, 100},
    "undivided": {10},
    "mean": {10},
    "last": {10},
    "without_decay": {0, 100},
}
PRINTED = {  # row T-4.6 of the thesis without weight decay, and fig. 4.5 where it has no numbers
    "T-4.6 rises": (10500, 20000, 30000),
    "T-4.5 strength": (1629, 3518, 5685),
}


@pytest.fixture(scope="module")
def sweeps() -> list[Sweep]:
    """All sweeps, with the jobs of one seed and network."""
    return compose_sweeps(["experiment=distance_multiple", "scale=paper", "seed=0", "model=mobilenetv2"])


@pytest.fixture(scope="module")
def configs(sweeps: list[Sweep]) -> dict[tuple[str, float], Config]:
    """Configuration of each arm at one seed, by arm and strength."""
    found = {}
    for job in (job for sweep in sweeps for job in sweep.jobs):
        place = dict(override.split("=", 1) for override in job.overrides)
        strength = float(place["experiment.strength"])
        found[place["experiment.arm"], strength] = job.config
    return found


def test_each_arm_has_its_strengths_and_five_seeds(
    sweeps: list[Sweep], configs: dict[tuple[str, float], Config]
) -> None:
    expected = {(arm, s) for arm, all_s in ARMS.items() for s in all_s}
    assert set(configs) == expected
    assert len({fingerprint(config) for config in configs.values()}) == len(expected)
    assert all(sweep.planned["model"] == ["mobilenetv2", "resnet32_padded"] for sweep in sweeps)
    assert all(sweep.planned["seed"] == [0, 1, 2, 3, 4] for sweep in sweeps)


def test_a_checkpoint_is_taken_every_150_of_600_epochs(configs: dict[tuple[str, float], Config]) -> None:
    for config in configs.values():
        assert config["epochs"] == 600
        expected = {"every": 150, "checkpoints": None, "release": None, "decoupled": False}
        assert chosen(config["study"], expected) == expected
        levels = config["experiment"]["values"]
        assert levels["checkpoints"] == list(range(150, 600, 150))
        assert levels["after"] == [epoch + 1 for epoch in levels["checkpoints"]]


def test_an_arm_is_what_its_name_says(configs: dict[tuple[str, float], Config]) -> None:
    merging = {"mean": "MeanOfCheckpoints", "last": "LastCheckpoint"}
    for (arm, strength), config in configs.items():
        study = config["study"]
        assert study["divided"] == (arm != "undivided")
        assert study["merging"]["_target_"].rpartition(".")[2] == merging.get(arm, "EachCheckpoint")
        assert study["push"]["_target_"].rpartition(".")[2] == ("Away" if strength else "Nothing")
        assert not strength or study["strength"] == strength
        decay = 0 if arm == "without_decay" else 1e-3
        assert config["optimizer"]["weight_decay"] == decay
        assert study["trunk"]["run"]["optimizer"]["weight_decay"] == decay


def test_the_arms_of_a_network_go_on_from_one_trunk_of_150_epochs(
    configs: dict[tuple[str, float], Config],
) -> None:
    trunks: dict[float, set[str]] = {}
    for config in configs.values():
        trunk = config["study"]["trunk"]["run"]
        assert trunk["epochs"] == 150
        assert trunk["model"] == config["model"]
        trunks.setdefault(config["optimizer"]["weight_decay"], set()).add(fingerprint(trunk))
    assert len(trunks) == 2
    assert all(len(of_network) == 1 for of_network in trunks.values())


def test_the_claims_carry_what_the_thesis_shows() -> None:
    claims = definition("distance_multiple", composed("distance_multiple/paper")["experiment"])["claims"]
    papers = {claim["id"]: claim["paper"] for claim in claims}
    for name, printed in PRINTED.items():
        paper = papers[name]
        assert (paper["first"], paper["second"], *paper["further"]) == printed
    assert all(paper["approximate"] for paper in papers.values() if paper)


def test_the_numbers_of_claims_are_those_of_the_digitised_curves() -> None:
    file = config_folder() / "experiment" / "distance_multiple" / "reference.csv"
    with file.open(newline="") as rows:
        read = {
            (row["arm"], float(row["strength"]), row["quantity"], int(row["epoch"])): float(row["value"])
            for row in csv.DictReader(rows)
            if row["model"] == "mobilenetv2"
        }
    first = "squared_distance_0"
    assert [read["divided", s, first, 300] for s in (1, 10, 100)] == pytest.approx(
        [1629, 3518, 5685], rel=1e-3
    )
    assert [read["divided", s, first, 600] for s in (10, 100)] == pytest.approx([2975, 4866], rel=1e-3)
    free = [read["without_decay", 100, first, epoch] for epoch in (300, 450, 600)]
    assert free == pytest.approx(PRINTED["T-4.6 rises"], rel=0.03)
    after = [read["divided", 100, f"squared_distance_{k}", 150 * (k + 1) + 1] for k in range(3)]
    assert [math.log10(value) for value in after] == pytest.approx([3.45, 2.96, 2.41], abs=0.01)


@pytest.mark.parametrize("scale", ["digits", "paper"])
def test_distances_are_counted_in_what_the_log_law_has_for_three_times_the_strength(scale: str) -> None:
    levels = composed(f"distance_multiple/{scale}")["experiment"]["values"]
    assert levels["per_factor"] * 2 * levels["sigma"] ** 2 * math.log(3) == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["", "_undivided", "_last", "_plain"])
def test_an_arm_takes_a_step(one_step: Callable[..., Run], arm: str) -> None:
    start = ["study.trunk=null", "study.every=null", "study.checkpoints=[0]", "data.validation=0"]
    run = one_step(f"distance_multiple/paper{arm}", "model=resnet32_padded", *start)
    assert run.history().squared_distance_0.iloc[-1] > 0
    assert sorted(run.members()) == [0, 1]
