"""`distance_strength` at scale paper against the distance-kernel thesis, and the first step of two arms."""

import csv
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from paper import chosen, composed

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import Sweep, compose_sweeps
from lossatlas.runs.build import make
from lossatlas.runs.composition.search_path import config_folder
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.store import Run

NETWORKS = ("resnet32_padded", "mobilenetv2")
STRENGTHS = (0.1, 1, 10, 100)
ENDS = {  # squared distance at epoch 200, as figure 4.2 of the thesis shows it, by strength
    "resnet32_padded": (300, 1200, 3300, 5500),
    "mobilenetv2": (500, 1500, 3400, 5600),
}
Configs = dict[tuple[str, float], dict[str, Any]]


@cache
def sweeps(scale: str) -> list[Sweep]:
    """The sweeps at one seed."""
    return compose_sweeps(["experiment=distance_strength", f"scale={scale}", "seed=0"])


@cache
def by_arm(scale: str) -> Configs:
    """Configuration of each network and strength at one seed."""
    found = {}
    for job in (job for sweep in sweeps(scale) for job in sweep.jobs):
        place = dict(override.split("=", 1) for override in job.overrides)
        found[place["model"], job.config["experiment"]["strength"]] = job.config
    return found


def steepness(config: dict[str, Any]) -> float:
    """How steep the hill is at the checkpoint as a multiple of weight decay, 2 s a / wd."""
    precision = make(config["study"]["width"]).precision(torch.ones(1)).item()
    return 2 * config["study"]["strength"] * precision / config["optimizer"]["weight_decay"]


@pytest.fixture(scope="module")
def configs() -> Configs:
    return by_arm("paper")


def test_each_network_has_four_strengths_and_none_and_five_seeds(configs: Configs) -> None:
    assert set(configs) == {(network, strength) for network in NETWORKS for strength in (0, *STRENGTHS)}
    assert all(sweep.planned["seed"] == list(range(5)) for sweep in sweeps("paper"))


def test_all_train_with_the_settings_of_the_thesis(configs: Configs) -> None:
    for config in configs.values():
        expected = {"lr": 0.01, "momentum": 0.9, "nesterov": False, "weight_decay": 1e-3, "dampening": 0}
        assert chosen(config["optimizer"], expected) == expected
        assert config["data"]["batch_size"] == 128
        assert config["study"]["checkpoints"] == [100]
        assert config["epochs"] == 500


def test_the_kernel_is_exp_of_minus_d_over_1000_times_the_strength(configs: Configs) -> None:
    for (_, strength), config in configs.items():
        study = config["study"]
        assert make(study["width"]).precision(torch.ones(1)).item() == pytest.approx(1e-3)
        if strength:
            assert study["strength"] == strength
        push = study["push"]["_target_"].rpartition(".")[2]
        assert push == ("Away" if strength else "Nothing")


def test_all_arms_go_on_from_the_trunk_of_the_baseline(configs: Configs) -> None:
    for (network, _), config in configs.items():
        trunk = config["study"]["trunk"]["run"]
        baseline = composed("distance_baseline/paper", f"model={network}", "study/push=away")
        assert fingerprint(trunk) == fingerprint(baseline["study"]["trunk"]["run"])
        assert trunk["optimizer"] == config["optimizer"]


def test_at_both_scales_the_hills_are_a_fifth_to_200_times_as_steep_as_weight_decay(configs: Configs) -> None:
    """The fifth one of scale digits is steeper still."""
    for network in NETWORKS:
        of_network = [steepness(configs[network, strength]) for strength in STRENGTHS]
        assert of_network == pytest.approx([0.2, 2, 20, 200])
    digits = by_arm("digits")
    ours = sorted(steepness(config) for (_, strength), config in digits.items() if strength)
    assert ours == pytest.approx([0.2, 2, 20, 200, 2000])


@pytest.mark.parametrize("scale", ["digits", "paper"])
def test_claims_name_strengths_by_how_steep_they_are(scale: str) -> None:
    arms = by_arm(scale)
    levels = next(iter(arms.values()))["experiment"]["values"]
    steep = {strength: steepness(config) for (_, strength), config in arms.items() if strength}
    assert levels["strengths"] == sorted(steep)
    assert levels["steep"] == sorted(strength for strength in steep if steep[strength] > 19.9)
    named = levels["named"]
    assert steep[named["below"]] == pytest.approx(0.2)
    assert steep[named["above"]] == pytest.approx(2)
    assert named["strongest"] == max(steep)
    precision = make(next(iter(arms.values()))["study"]["width"]).precision(torch.ones(1)).item()
    assert levels["per_width"] == pytest.approx(precision)


def test_all_epochs_of_scale_digits_are_a_fifth() -> None:
    digits, paper = (
        composed(f"distance_strength/{scale}")["experiment"]["values"] for scale in ("digits", "paper")
    )
    for name in ("checkpoint", "read", "before_read", "end", "before_end"):
        assert 5 * digits[name] == paper[name]
    assert digits["soon"] - digits["checkpoint"] == paper["soon"] - paper["checkpoint"] == 5


def test_the_claims_carry_what_the_thesis_shows() -> None:
    claims = definition("distance_strength", composed("distance_strength/paper")["experiment"])["claims"]
    papers = {claim["id"]: claim["paper"] for claim in claims if claim["paper"]}
    distances = papers["T-4.2 distance"]
    assert (distances["first"], distances["second"], *distances["further"]) == ENDS["resnet32_padded"]
    per_e = (5500 - 3300) / (1000 * 2.302585)
    assert papers["log law"]["first"] == pytest.approx(per_e, abs=5e-4)
    assert papers["log law (weak)"]["second"] == pytest.approx((1200 - 300) / (1000 * 2.302585), abs=5e-4)


def test_the_undisturbed_distance_is_that_of_figure_4_1() -> None:
    claims = definition("distance_strength", composed("distance_strength/paper")["experiment"])["claims"]
    printed = {claim["id"]: claim["paper"] for claim in claims if claim["paper"]}
    file = config_folder() / "experiment" / "distance_baseline" / "reference.csv"
    with file.open(newline="") as rows:
        (undisturbed,) = [
            float(row["value"])
            for row in csv.DictReader(rows)
            if (row["model"], row["push"], row["quantity"], row["epoch"])
            == ("resnet32_padded", "nothing", "squared_distance_0", "200")
        ]
    assert printed["weight decay (below)"]["first"] == pytest.approx(undisturbed, abs=0.5)
    assert printed["weight decay (above)"]["second"] == pytest.approx(undisturbed, abs=0.5)


def test_the_curves_of_figure_4_2_end_where_the_thesis_says() -> None:
    curves: dict[tuple[str, str, float], dict[int, float]] = {}
    file = config_folder() / "experiment" / "distance_strength" / "reference.csv"
    with file.open(newline="") as rows:
        for row in csv.DictReader(rows):
            place = row["quantity"], row["model"], float(row["strength"])
            curves.setdefault(place, {})[int(row["epoch"])] = float(row["value"])
    for network, ends in ENDS.items():
        found = [curves["squared_distance_0", network, strength][200] for strength in STRENGTHS]
        assert found == pytest.approx(ends, abs=60)
    claims = definition("distance_strength", composed("distance_strength/paper")["experiment"])["claims"]
    papers = {claim["id"]: claim["paper"] for claim in claims if claim["paper"]}
    errors = [curves["test_error", "resnet32_padded", strength] for strength in STRENGTHS]
    drops = [100 * max(error[epoch] for epoch in range(101, 106)) for error in errors]
    printed = papers["T-4.2 drop"]
    assert [printed["first"], printed["second"], *printed["further"]] == pytest.approx(drops, abs=0.06)
    late = [100 * sum(error[epoch] for epoch in range(151, 201)) / 50 for error in (errors[-1], errors[0])]
    assert [papers["T-4.2 late"]["first"], papers["T-4.2 late"]["second"]] == pytest.approx(late, abs=0.06)


@pytest.mark.slow
@pytest.mark.parametrize(("file", "strength"), [("paper", 100), ("paper_without", 0)])
def test_an_arm_takes_a_step(one_step: Callable[..., Run], file: str, strength: float) -> None:
    from_the_start = ["study.trunk=null", "study.checkpoints=[0]", "data.validation=0"]
    run = one_step(f"distance_strength/{file}", f"experiment.strength={strength}", *from_the_start)
    assert run.history().squared_distance_0.iloc[-1] > 0
