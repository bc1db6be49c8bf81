"""`distance_width` at scale paper against the distance-kernel thesis, and the first step of an arm."""

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
WIDTHS = (10, 100, 1000, 10_000)  # the thesis's sigma^2, exp(-D / sigma^2)
ENDS = {  # squared distance at epoch 400, as figure 4.3 of the thesis shows it, by width
    "resnet32_padded": (410, 540, 1500, 610),
    "mobilenetv2": (700, 770, 1850, 1070),
}
Configs = dict[tuple[str, int], dict[str, Any]]


@cache
def sweeps(scale: str) -> list[Sweep]:
    """The sweeps at one seed."""
    return compose_sweeps(["experiment=distance_width", f"scale={scale}", "seed=0"])


@cache
def by_arm(scale: str) -> Configs:
    """Configuration of each network and width, 2 sigma^2 or 0 without a kernel, at one seed."""
    found = {}
    for job in (job for sweep in sweeps(scale) for job in sweep.jobs):
        place = dict(override.split("=", 1) for override in job.overrides)
        found[place["model"], round(2 * job.config["experiment"]["sigma"] ** 2)] = job.config
    return found


@pytest.fixture(scope="module")
def configs() -> Configs:
    return by_arm("paper")


def test_each_network_has_four_widths_and_none_and_five_seeds(configs: Configs) -> None:
    assert set(configs) == {(network, width) for network in NETWORKS for width in (0, *WIDTHS)}
    assert all(sweep.planned["seed"] == list(range(5)) for sweep in sweeps("paper"))


def test_the_kernel_is_exp_of_minus_d_over_the_width(configs: Configs) -> None:
    for (_, width), config in configs.items():
        study = config["study"]
        assert (study["strength"], study["checkpoints"]) == (1.0, [100])
        if width:
            assert make(study["width"]).precision(torch.ones(1)).item() == pytest.approx(1 / width)
        assert study["push"]["_target_"].rpartition(".")[2] == ("Away" if width else "Nothing")


def test_all_train_with_the_settings_of_the_thesis_from_the_trunk_of_the_baseline(configs: Configs) -> None:
    for (network, _), config in configs.items():
        expected = {"lr": 0.01, "momentum": 0.9, "nesterov": False, "weight_decay": 1e-3, "dampening": 0}
        assert chosen(config["optimizer"], expected) == expected
        baseline = composed("distance_baseline/paper", f"model={network}", "study/push=away")
        trunks = [node["study"]["trunk"]["run"] for node in (config, baseline)]
        assert fingerprint(trunks[0]) == fingerprint(trunks[1])


@pytest.mark.parametrize("scale", ["digits", "paper"])
def test_at_both_scales_the_hills_are_200_to_a_fifth_times_as_steep_as_weight_decay(scale: str) -> None:
    arms = by_arm(scale)
    levels = next(iter(arms.values()))["experiment"]["values"]
    found = []
    for width in (round(2 * sigma**2) for sigma in levels["sigmas"]):
        config = arms[levels["network"], width]
        precision = make(config["study"]["width"]).precision(torch.ones(1)).item()
        found.append(2 * config["study"]["strength"] * precision / config["optimizer"]["weight_decay"])
    assert found == pytest.approx([200, 20, 2, 0.2])
    assert list(levels["named"].values()) == levels["sigmas"]


@pytest.mark.parametrize("scale", ["digits", "paper"])
def test_the_undisturbed_network_and_one_width_are_those_of_distance_strength(scale: str) -> None:
    arms = by_arm(scale)
    levels = next(iter(arms.values()))["experiment"]["values"]
    model, usual = levels["network"], round(2 * levels["sigma"] ** 2)
    there = {
        0: composed(f"distance_strength/{scale}_without", f"model={model}"),
        usual: composed(f"distance_strength/{scale}", f"model={model}", "experiment.strength=1"),
    }
    for width, config in there.items():
        assert fingerprint(arms[model, width]) == fingerprint(config)


def test_all_epochs_of_scale_digits_are_a_fifth() -> None:
    digits, paper = (
        composed(f"distance_width/{scale}")["experiment"]["values"] for scale in ("digits", "paper")
    )
    for name in ("checkpoint", "read", "before_read", "end"):
        assert 5 * digits[name] == paper[name]
    assert digits["soon"] - digits["checkpoint"] == paper["soon"] - paper["checkpoint"] == 1


def test_the_claims_carry_what_the_thesis_shows() -> None:
    claims = definition("distance_width", composed("distance_width/paper")["experiment"])["claims"]
    papers = {claim["id"]: claim["paper"] for claim in claims if claim["paper"]}
    narrowest, narrow, middle, wide = ENDS["resnet32_padded"]
    farther = papers["T-4.3 farther"]
    assert (farther["first"], farther["second"], *farther["further"]) == (narrowest, narrow, middle)
    assert (papers["T-4.3 widest"]["first"], papers["T-4.3 widest"]["second"]) == (middle, wide)
    assert papers["T-4.3 crossing"]["first"] == 307


def test_the_curves_of_figure_4_3_are_those_of_the_thesis() -> None:
    """They end where it says, and the widest one passes the second narrowest where the claims say, or its draft."""
    curves: dict[tuple[str, str, int], dict[int, float]] = {}
    file = config_folder() / "experiment" / "distance_width" / "reference.csv"
    with file.open(newline="") as rows:
        for row in csv.DictReader(rows):
            place = row["quantity"], row["model"], round(2 * float(row["sigma"]) ** 2)
            curves.setdefault(place, {})[int(row["epoch"])] = float(row["value"])
    for network, ends in ENDS.items():
        found = [curves["squared_distance_0", network, width][400] for width in WIDTHS]
        assert found == pytest.approx(ends, abs=20)

    def passes(network: str, ahead: int, behind: int) -> int:
        one, two = (curves["squared_distance_0", network, width] for width in (ahead, behind))
        return 1 + max(epoch for epoch in one if one[epoch] <= two[epoch])

    assert [passes("resnet32_padded", ahead, 100) for ahead in (1000, 10_000)] == [124, 324]
    assert [passes("mobilenetv2", ahead, 100) for ahead in (1000, 10_000)] == [118, 206]


@pytest.mark.slow
def test_an_arm_takes_a_step(one_step: Callable[..., Run]) -> None:
    from_the_start = ["study.trunk=null", "study.checkpoints=[0]", "data.validation=0"]
    run = one_step("distance_width/paper", "experiment.sigma=2.23606797749979", *from_the_start)
    assert run.history().squared_distance_0.iloc[-1] > 0
