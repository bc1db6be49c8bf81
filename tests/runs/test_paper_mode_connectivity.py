"""`mode_connectivity` at scale paper against what Garipov et al. 2018 print (figure 1, table 2); a step of a curve."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from paper import Config, chosen, composed
from torch import nn

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import planned_values
from lossatlas.runs.build import make
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.store import Run

CURVES = {"paper": "lossatlas.landscape.Bezier", "paper_chain": "lossatlas.landscape.PolygonalChain"}


def end_of(config: Config, number: int) -> Config:
    return config["study"]["ends"][number]["run"]


def assert_trained_as_garipov2018(config: Config, *, lr: float, weight_decay: float, epochs: int) -> None:
    """SGD, momentum 0.9 without Nesterov, batches of 128, crops and flips; constant, then down to a hundredth."""
    optimizer = make(config["optimizer"])([nn.Parameter(torch.zeros(1))])
    expected = {"momentum": 0.9, "nesterov": False, "lr": lr, "weight_decay": weight_decay}
    assert type(optimizer) is torch.optim.SGD
    assert chosen(optimizer.defaults, expected) == expected
    assert config["data"]["batch_size"] == 128
    assert list(config["data"]["augment"]) == ["crop", "flip"]
    assert config["epochs"] == epochs
    schedule = make(config["scheduler"])
    for epoch in range(epochs):  # learning_rate_schedule of the authors' code
        share = epoch / epochs
        factor = 1.0 if share <= 0.5 else 1.0 - (share - 0.5) / 0.4 * 0.99 if share <= 0.9 else 0.01
        assert schedule(epoch) == pytest.approx(factor)


def test_the_network_is_resnet164_on_cifar100_over_five_seeds() -> None:
    for sweep in ("paper", "paper_chain", "paper_segment"):
        config = composed(f"mode_connectivity/{sweep}")
        assert config["data"]["_target_"] == "lossatlas.data.cifar100"
        expected = {
            "_target_": "lossatlas.models.PreActResNet",
            "depth": 164,
            "bottleneck": True,
            "classes": 100,
        }
        assert chosen(config["model"], expected) == expected
        assert planned_values([f"experiment=mode_connectivity/{sweep}"])["seed"] == [0, 1, 2, 3, 4]


def test_the_ends_are_trained_for_150_epochs_at_rate_a_tenth_with_decay() -> None:
    config = composed("mode_connectivity/paper_segment", "seed=3")
    assert_trained_as_garipov2018(config, lr=0.1, weight_decay=3e-4, epochs=150)
    assert config["regularizer"] == {}  # weight decay only once


@pytest.mark.parametrize("sweep", CURVES)
def test_curves_have_one_bend_and_are_trained_for_200_epochs_with_the_penalty_on_their_points(
    sweep: str,
) -> None:
    config = composed(f"mode_connectivity/{sweep}", "seed=3")
    assert_trained_as_garipov2018(config, lr=0.03, weight_decay=0.0, epochs=200)
    assert config["regularizer"] == {"l2": {"_target_": "lossatlas.optim.L2", "weight_decay": 3e-4}}
    assert config["study"]["curve"] == {"_target_": CURVES[sweep], "bends": 1}
    assert config["study"]["objective"] == {"_target_": "lossatlas.studies.UniformPosition"}


@pytest.mark.parametrize("scale", ["digits", "paper"])
@pytest.mark.parametrize("sweep", ["", "_chain"])
def test_the_ends_of_a_curve_are_the_networks_of_the_straight_line_with_other_seeds(
    scale: str, sweep: str
) -> None:
    config = composed(f"mode_connectivity/{scale}{sweep}", "seed=3")
    line = composed(f"mode_connectivity/{scale}_segment", "seed=3")
    assert [end_of(config, k)["seed"] for k in (0, 1)] == [3, 13]
    assert fingerprint({**line, **end_of(config, 0)}) == fingerprint(line)
    assert line["landscape"]["path"]["through"] == [{"run": ["seed=13"]}]
    assert line["landscape"]["plane"]["others"] == [{"run": ["seed=13"]}, {"run": ["seed=23"]}]


def test_a_second_chain_has_another_seed_and_the_same_ends() -> None:
    config = composed("mode_connectivity/digits_chain", "seed=3")
    (first, second) = config["landscape"]["curve_distances"]["curves"]
    assert first == {"curve": []}
    assert config["landscape"]["path_again"]["through"] == second
    again = composed("mode_connectivity/digits_chain", *second["curve"])
    assert again["seed"] == 33
    assert [end_of(again, k) for k in (0, 1)] == [end_of(config, k) for k in (0, 1)]


def test_paths_have_61_points_and_planes_21_a_side_with_statistics_of_their_own() -> None:
    for sweep, plane in (
        ("paper", "curve_plane"),
        ("paper_chain", "curve_plane"),
        ("paper_segment", "plane"),
    ):
        landscapes = composed(f"mode_connectivity/{sweep}")["landscape"]
        for node in landscapes.values():
            assert "engine" not in node or node["engine"]["evaluation"] == "recompute"
        expected = {"points": 61, "weight_decay": 3e-4, "splits": ["train", "test"], "augmented": None}
        assert chosen(landscapes["path"], expected) == expected
        assert chosen(landscapes[plane], {"points": 21, "margin": 0.2}) == {"points": 21, "margin": 0.2}


def test_the_claims_carry_the_printed_numbers_and_the_rows_thresholds() -> None:
    config = composed("mode_connectivity/paper")
    experiment = definition("mode_connectivity", OmegaConf.create(config["experiment"]))
    claims = {claim["id"]: claim for claim in experiment["claims"]}
    assert {claim["most"] for name, claim in claims.items() if name.startswith("G-F1")} == {0.1}
    for name, highest in (("Bezier", 23.4), ("chain", 23.6)):  # and 21.7 at the worse end
        rise, length = claims[f"G-T2 {name}, rise"], claims[f"G-T2 {name}, length"]
        assert rise["paper"]["first"] == pytest.approx(highest - 21.7)
        assert rise["most"] == 5.0
        assert (length["least"], length["most"]) == (1.0, 4.0)
        assert claims[f"G-README {name}"]["least"] == 0.0
    assert chosen(claims["G-T2 Bezier against line"]["paper"], {"first": 0, "second": 0}) == {
        "first": 98.83,
        "second": 26.1,
    }
    assert claims["G-nu apart"]["paper"]["first"] == pytest.approx(29.6 / 50)
    assert claims["G-nu apart"]["least"] == 0.2


@pytest.mark.slow
def test_one_step_moves_the_bend_and_leaves_the_ends(
    one_step: Callable[..., Run], write_cifar100: Callable[..., Path], tmp_path: Path
) -> None:
    write_cifar100(tmp_path / "data")
    run = one_step("mode_connectivity/paper", "data.batch_size=100", "seed=0")
    first, bend, last = (run.member(number) for number in range(3))
    for name, start in first.items():
        if name.endswith("conv1.weight"):
            middle = (start + last[name]) / 2
            assert not torch.equal(bend[name], middle)
            assert (bend[name] - middle).norm() < 0.1 * middle.norm()  # it began there
