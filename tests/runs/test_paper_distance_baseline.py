"""`distance_baseline` at scale paper against the distance-kernel thesis, and the trunk that others share with it."""

import csv
from collections.abc import Callable
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
ENDS = {  # squared distance at epoch 600, with the kernel and without, as EXPERIMENTS prints them of figure 4.1
    "resnet32_padded": (1570, 480),
    "mobilenetv2": (2000, 800),
}


@pytest.fixture(scope="module")
def sweeps() -> list[Sweep]:
    """The sweeps, each with the jobs of one seed."""
    return compose_sweeps(["experiment=distance_baseline", "scale=paper", "seed=0"])


@pytest.fixture(scope="module")
def configs(sweeps: list[Sweep]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Configuration of each arm at one seed, by data, network and push."""
    found = {}
    for job in (job for sweep in sweeps for job in sweep.jobs):
        place = dict(override.split("=", 1) for override in job.overrides)
        found[place["data"], place["model"], place["study/push"]] = job.config
    return found


def test_each_network_has_all_controls_and_five_seeds(
    sweeps: list[Sweep], configs: dict[tuple[str, str, str], Any]
) -> None:
    pushes = ("away", "nothing", "random", "toward")
    expected = {("cifar10", network, push) for network in NETWORKS for push in pushes}
    expected |= {("mnist", network, push) for network in NETWORKS for push in ("away", "nothing")}
    assert set(configs) == expected
    seeds = [
        list(sweep.planned["seed"]) for sweep in sweeps if "plane" not in sweep.jobs[0].config["landscape"]
    ]
    assert seeds == [[0, 1, 2, 3, 4]] * 4  # with controls, without a push; the same on MNIST


def test_all_train_with_the_settings_of_the_thesis(configs: dict[tuple[str, str, str], Any]) -> None:
    for (data, _, _), config in configs.items():
        assert config["epochs"] == 600
        assert config["data"]["batch_size"] == 128
        expected = {"lr": 0.01, "momentum": 0.9, "nesterov": False, "weight_decay": 1e-3, "dampening": 0}
        assert chosen(config["optimizer"], expected) == expected
        assert make(config["scheduler"])(599) == 1  # a constant rate
        if data == "cifar10":
            assert set(config["data"]["augment"]) == {"crop", "flip"}
            assert config["data"]["shape"] == [3, 32, 32]
        assert config["data"]["validation"] == 5000


def test_the_networks_are_resnet_32_with_option_a_and_mobilenetv2_of_full_size(
    configs: dict[tuple[str, str, str], Any],
) -> None:
    resnet, mobilenet = (configs["cifar10", network, "away"]["model"] for network in NETWORKS)
    assert chosen(resnet, {"depth": 0, "width": 0, "shortcut": 0}) == {
        "depth": 32,
        "width": 16,
        "shortcut": "A",
    }
    assert chosen(mobilenet, {"width": 0, "depth": 0}) == {"width": 1.0, "depth": 1.0}
    parameters = sum(parameter.numel() for parameter in make(resnet).parameters())
    assert parameters == 464_154  # 0.46M in table 6 of He et al. 2016


def test_the_kernel_is_that_of_the_thesis(configs: dict[tuple[str, str, str], Any]) -> None:
    """exp(-D / 1000), times s = 1, from a checkpoint at epoch 100 on."""
    for config in configs.values():
        study = config["study"]
        precision = make(study["width"]).precision(torch.ones(1))
        assert precision.item() == pytest.approx(1 / 1000)
        value = make(study["kernel"]).value(precision * 1000)
        assert value.item() == pytest.approx(torch.exp(torch.tensor(-1.0)).item())
        assert (study["strength"], study["divided"], study["decoupled"]) == (1.0, True, False)
        assert (study["checkpoints"], study["every"], study["release"]) == ([100], None, None)


def test_all_arms_of_a_network_go_on_from_one_trunk_of_100_epochs(
    configs: dict[tuple[str, str, str], Any],
) -> None:
    trunks: dict[tuple[str, str], set[str]] = {}
    for (data, network, _), config in configs.items():
        trunk = config["study"]["trunk"]["run"]
        assert trunk["epochs"] == 100
        assert trunk["study"]["_target_"] == "lossatlas.studies.Classifier"
        for key in ("data", "model", "init", "optimizer", "scheduler", "regularizer", "seed"):
            assert trunk[key] == config[key]
        trunks.setdefault((data, network), set()).add(fingerprint(trunk))
    assert len(trunks) == 4
    assert all(len(of_network) == 1 for of_network in trunks.values())


def test_the_claims_carry_what_the_thesis_shows() -> None:
    claims = definition("distance_baseline", composed("distance_baseline/paper")["experiment"])["claims"]
    printed = {c["id"]: (c["paper"]["first"], c["paper"]["second"]) for c in claims if c["paper"]}
    for place, network in (("first", "resnet32_padded"), ("second", "mobilenetv2")):
        assert printed[f"T-4.1 end, {place} network"] == ENDS[network]
    margins = {c["margin"] for c in claims if "margin" in c}
    assert margins == {1.0}


def test_the_curves_of_figure_4_1_end_where_the_thesis_says() -> None:
    file = config_folder() / "experiment" / "distance_baseline" / "reference.csv"
    with file.open(newline="") as rows:
        ends = {
            (row["model"], row["push"]): float(row["value"])
            for row in csv.DictReader(rows)
            if row["quantity"] == "squared_distance_0" and row["epoch"] == "600"
        }
    for network, (with_kernel, without) in ENDS.items():
        assert ends[network, "away"] == pytest.approx(with_kernel, rel=0.02)
        assert ends[network, "nothing"] == pytest.approx(without, rel=0.02)


def test_at_either_scale_the_push_beats_weight_decay_at_the_checkpoint() -> None:
    """2 s a against the weight decay: twice at scale paper, six times at scale digits."""
    for file, factor in (("paper", 2.0), ("digits", 6.25), ("digits_mobilenet", 6.25)):
        config = composed(f"distance_baseline/{file}")
        study = config["study"]
        precision = make(study["width"]).precision(torch.ones(1)).item()
        ratio = 2 * study["strength"] * precision / config["optimizer"]["weight_decay"]
        assert ratio == pytest.approx(factor)


@pytest.mark.slow
@pytest.mark.parametrize("push", ["away", "nothing", "random", "toward"])
def test_each_arm_takes_a_step(one_step: Callable[..., Run], push: str) -> None:
    from_the_start = ["study.trunk=null", "study.checkpoints=[0]", "landscape=none", "data.validation=0"]
    run = one_step("distance_baseline/paper", f"study/push={push}", *from_the_start)
    assert run.history().squared_distance_0.iloc[-1] > 0
    assert sorted(run.members()) == [0, 1]
