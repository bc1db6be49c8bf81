"""`elastic_band` at scale paper against what is known of Draxler et al. 2018, and one step of a band."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from paper import Config, composed
from small_runs import named_runs
from torch import nn

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import planned_values
from lossatlas.runs.build import make
from lossatlas.runs.store.store import Run

IMAGES = 50_000
SIZES = {"resnet": [20, 32, 44, 56], "cnn": [12, 24, 48, 96], "densenet": [40]}
BAND = {
    "resnet": "paper",
    "cnn": "paper_cnn",
    "densenet": "paper_densenet",
}  # the sweep of each family's bands
MINIMA = {"resnet": (64_000, 128, False), "cnn": (64_000, 128, False), "densenet": (250_000, 64, True)}


def band(family: str, **overrides: Any) -> Config:
    size = SIZES[family][0]
    typed = [f"{key}={value}" for key, value in ({"experiment.size": size, "seed": 3} | overrides).items()]
    return composed(f"elastic_band/{BAND[family]}", *typed)


@pytest.mark.parametrize("family", SIZES)
def test_the_sweep_is_over_sizes_and_five_seeds(family: str) -> None:
    for choice in (BAND[family], f"paper_{family}_ends"):
        values = planned_values([f"experiment=elastic_band/{choice}"])
        assert values["experiment.size"] == SIZES[family]
        assert values["seed"] == [0, 1, 2, 3, 4]


def test_size_is_the_depth_of_residual_networks_and_the_width_of_the_others() -> None:
    models = {
        family: [band(family, **{"experiment.size": size})["model"] for size in SIZES[family]]
        for family in ("resnet", "cnn")
    }
    assert [(model["depth"], model["width"]) for model in models["resnet"]] == [
        (d, 16) for d in SIZES["resnet"]
    ]
    assert [(model["width"], model["layout"], model["hidden"]) for model in models["cnn"]] == [
        (width, [1, "M"], [5]) for width in SIZES["cnn"]
    ]
    densenet = band("densenet")["model"]
    assert (sum(densenet["blocks"]) + 4, densenet["growth"], densenet["bottleneck"]) == (40, 12, False)


@pytest.mark.parametrize("family", SIZES)
def test_the_band_has_the_fourteen_cycles_of_the_paper(family: str) -> None:
    """4 of 1000 steps and 2 of 2000 at 0.1, 4 of 1000 at 0.01, 4 of 1000 at 0.001."""
    config = band(family)
    study = config["study"]
    cycles = [
        (cycle["steps"], config["rates"]["sgd"] * cycle.get("factor", 1.0)) for cycle in study["cycles"]
    ]
    expected = [(1000, 0.1)] * 4 + [(2000, 0.1)] * 2 + [(1000, 0.01)] * 4 + [(1000, 0.001)] * 4
    assert [steps for steps, _ in cycles] == [steps for steps, _ in expected]
    assert [rate for _, rate in cycles] == pytest.approx([rate for _, rate in expected])
    assert config["data"]["batch_size"] == (256 if family == "densenet" else 512)
    steps_per_epoch = -(-IMAGES // config["data"]["batch_size"])
    assert config["epochs"] == -(-16_000 // steps_per_epoch)
    assert (study["pivots"], study["insert"], study["positions"], study["spring"]) == (3, 2, 9, None)
    optimizer = make(config["optimizer"])([nn.Parameter(torch.zeros(1))])
    momentum = {key: optimizer.defaults[key] for key in ("momentum", "nesterov", "weight_decay")}
    assert momentum == {"momentum": 0.9, "nesterov": False, "weight_decay": 0.0}
    assert config["regularizer"]["l2"]["weight_decay"] == 1e-4
    assert make(config["scheduler"])(50.0) == 1.0


@pytest.mark.parametrize("family", SIZES)
def test_the_ends_are_trained_as_the_papers_minima_with_two_seeds(family: str) -> None:
    """The rate divided by ten at half and three quarters of the steps."""
    steps, batch_size, nesterov = MINIMA[family]
    ends = named_runs(band(family))
    assert [end["seed"] for end in ends] == [3, 13]
    for end in ends:
        assert end["data"]["_target_"] == "lossatlas.data.cifar10"
        assert end["data"]["batch_size"] == batch_size
        steps_per_epoch = -(-IMAGES // batch_size)
        assert end["epochs"] == -(-steps // steps_per_epoch)
        schedule = make(end["scheduler"])
        assert schedule.interval == "step"
        for step, factor in (
            (0, 1.0),
            (steps // 2 - 2, 1.0),
            (steps // 2 + 1, 0.1),
            (3 * steps // 4 + 1, 0.01),
        ):
            assert schedule(step / steps_per_epoch) == pytest.approx(factor)
        optimizer = make(end["optimizer"])([nn.Parameter(torch.zeros(1))])
        chosen = {key: optimizer.defaults[key] for key in ("lr", "momentum", "nesterov", "weight_decay")}
        assert chosen == {"lr": 0.1, "momentum": 0.9, "nesterov": nesterov, "weight_decay": 0.0}
        assert end["regularizer"] == {}


@pytest.mark.parametrize("family", SIZES)
def test_the_straight_line_and_the_band_begin_at_the_same_network(family: str) -> None:
    """The sweep of the ends trains the first end of each band."""
    ends = composed(f"elastic_band/paper_{family}_ends", f"experiment.size={SIZES[family][0]}", "seed=3")
    first = named_runs(band(family))[0]
    scientific = ("data", "model", "init", "optimizer", "scheduler", "regularizer", "study", "epochs", "seed")
    assert {key: ends[key] for key in scientific} == {key: first[key] for key in scientific}
    assert ends["landscape"]["path"]["through"] == [{"run": ["seed=13"]}]
    for config in (ends, band(family)):
        assert config["landscape"]["path"]["engine"]["evaluation"] == "recompute"
        assert config["landscape"]["path"]["points"] == 61


def test_the_claims_carry_the_papers_bounds() -> None:
    experiment = definition("elastic_band", OmegaConf.create(composed("elastic_band/paper")["experiment"]))
    claims = {claim["id"]: claim for claim in experiment["claims"]}
    assert len(claims) == 10
    assert (
        claims["D error ResNet"]["most"] == claims["D error ResNet"]["paper"]["first"] == 0.5
    )  # points, CIFAR-10
    for family in ("CNN", "ResNet"):
        assert (claims[f"D length {family}"]["least"], claims[f"D length {family}"]["most"]) == (1.5, 2.5)
        assert claims[f"D saddle {family}"]["most"] == 0.1
    for kind in ("", ", saddle"):
        width, depth = claims[f"D width{kind}"], claims[f"D depth{kind}"]
        assert (width["among"], width["decreasing"]) == (SIZES["cnn"], True)
        assert (depth["among"], depth["decreasing"]) == (SIZES["resnet"], True)


@pytest.mark.slow
def test_one_step_moves_the_pivots_and_leaves_the_ends(one_step: Callable[..., Run]) -> None:
    def tiny(seed: str) -> str:
        end = 'experiment=elastic_band/paper_cnn_ends", "experiment.size=12'
        return f'{{run: ["{end}", "seed={seed}", "epochs=1", "data.batch_size=50"]}}'

    run = one_step(
        *("elastic_band/paper_cnn", "experiment.size=12", "study.snapshot_epochs=[]", "study.positions=1"),
        *(f"study.ends=[{tiny('1')}, {tiny('2')}]", "study.cycles=[{steps: 1}]"),
    )
    first, *pivots, last = run.members().values()
    assert len(pivots) == 3
    for number, pivot in enumerate(pivots, start=1):
        for name, tensor in pivot.items():
            if name.endswith("weight"):
                straight = torch.lerp(first[name], last[name], number / 4)
                assert not torch.equal(tensor, straight)
                assert torch.allclose(tensor, straight, atol=0.1)
