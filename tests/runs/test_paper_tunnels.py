"""`tunnels` at both scales: which settings are varied around which centre, and one step of an end at scale paper.

No settings of Fort & Jastrzebski 2019 are at hand; those of scale paper are Garipov et al. 2018's for VGG-16, where
they have them.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from paper import chosen, composed
from torch import nn

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import planned_values
from lossatlas.runs.build import build_network, make
from lossatlas.runs.composition.compose import compose_jobs
from lossatlas.runs.store.store import Run

SCALES = ["digits", "paper"]
SWEPT = {"": "rates", "_weight_decay": "weight_decays", "_batch_size": "batch_sizes"}
KEYS = {
    "rates": "rates.sgd",
    "weight_decays": "regularizer.l2.weight_decay",
    "batch_sizes": "data.batch_size",
}
CENTRE = {"rates": "rate", "weight_decays": "weight_decay", "batch_sizes": "batch_size"}


def settings(config: dict[str, Any]) -> tuple[float, float, int]:
    """Learning rate, L2 and batch size that a configuration trains with."""
    optimizer = make(config["optimizer"])([nn.Parameter(torch.zeros(1))])
    assert optimizer.defaults["weight_decay"] == 0  # the penalty only once
    return optimizer.defaults["lr"], config["regularizer"]["l2"]["weight_decay"], config["data"]["batch_size"]


@pytest.mark.parametrize("scale", SCALES)
def test_each_sweep_varies_one_setting_around_the_centre(scale: str) -> None:
    """The centre itself is swept once."""
    levels = composed(f"tunnels/{scale}")["experiment"]["values"]
    centre = {KEYS[swept]: [levels[own]] for swept, own in CENTRE.items()}
    for suffix, swept in SWEPT.items():
        planned = planned_values([f"experiment=tunnels/{scale}{suffix}"])
        assert planned["seed"] == [0, 1, 2, 3, 4]
        varied = (
            levels[swept] if swept == "rates" else [v for v in levels[swept] if v != levels[CENTRE[swept]]]
        )
        assert chosen(planned, centre) == {**centre, KEYS[swept]: varied}
        assert levels[CENTRE[swept]] in levels[swept]
        assert len(levels[swept]) == 3


@pytest.mark.parametrize("scale", SCALES)
def test_ends_are_classifiers_of_two_seeds_trained_as_their_curve(scale: str) -> None:
    (job,) = compose_jobs(
        [
            f"experiment=tunnels/{scale}_batch_size",
            "seed=3",
            "data.batch_size=16",
            "regularizer.l2.weight_decay=0.002",
        ]
    )
    config = job.config
    assert config["study"]["_target_"] == "lossatlas.studies.Curve"
    ends = [end["run"] for end in config["study"]["ends"]]
    assert [end["seed"] for end in ends] == [3, 13]
    for end in ends:
        assert end["study"]["_target_"] == "lossatlas.studies.Classifier"
        assert settings(end) == settings(config)
        assert settings(end)[1:] == (0.002, 16)
        for key in ("model", "data", "init", "scheduler", "epochs"):
            assert end[key] == config[key]


@pytest.mark.parametrize("scale", SCALES)
def test_the_width_is_measured_along_the_whole_trained_curve(scale: str) -> None:
    (name, node), *others = composed(f"tunnels/{scale}")["landscape"].items()
    assert (name, others) == ("tunnel", [])
    expected = {
        "through": {"curve": []},
        "levels": [0.01, 0.1],
        "relative": True,
        "normalize": "none",
        "split": "train",
    }
    assert chosen(node, expected) == expected
    assert node["engine"]["evaluation"] == "eval"  # the networks have no batch norm


@pytest.mark.parametrize("scale", SCALES)
def test_the_third_optimum_is_another_seed_at_the_centre(scale: str) -> None:
    config = composed(f"tunnels/{scale}_three", "seed=2")
    levels = config["experiment"]["values"]
    ends = [end["run"] for end in config["study"]["ends"]]
    assert [end["seed"] for end in ends] == [2, 12, 22]
    assert {settings(end) for end in ends} == {(levels["rate"], levels["weight_decay"], levels["batch_size"])}
    assert planned_values([f"experiment=tunnels/{scale}_three"])["experiment.optima"] == [3]


@pytest.mark.parametrize("scale", SCALES)
def test_each_claim_of_the_row_is_made_by_distance_and_by_share(scale: str) -> None:
    """Larger rates, more L2 and smaller batches widen; and the claim on three optima."""
    experiment = definition("tunnels", OmegaConf.create(composed(f"tunnels/{scale}")["experiment"]))
    *trends, three = experiment["claims"]
    directions = [(claim["along"], claim.get("decreasing", False)) for claim in trends]
    assert directions == 2 * [("rate", False), ("weight_decay", False), ("batch_size", True)]
    assert [claim["measure"]["variable"] for claim in trends] == 3 * ["radius"] + 3 * ["relative_radius"]
    for claim in trends:
        assert claim["among"] == experiment["values"][claim["along"] + "s"]
        assert claim["measure"]["at"] == {"level": 0.1}
        assert claim["mean_over"] == ["t", "direction"]
    assert (three["measure"]["variable"], three["most"]) == ("loss_rise", 0.1)
    assert all(claim["paper"] is None for claim in experiment["claims"])


def test_at_scale_paper_network_and_centre_are_those_of_garipov_et_al() -> None:
    """VGG-16 without batch norm, with dropout; rate 0.05, L2 5e-4, batches of 128, 200 epochs."""
    config = composed("tunnels/paper_ends_common")
    network = build_network(config)
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(layers) == 16
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert any(isinstance(module, nn.Dropout) for module in network.modules())
    levels = config["experiment"]["values"]
    assert (levels["rate"], levels["weight_decay"], levels["batch_size"], config["epochs"]) == (
        0.05,
        5e-4,
        128,
        200,
    )


@pytest.mark.slow
def test_one_step_of_an_end_moves_every_weight(one_step: Callable[..., Run]) -> None:
    run = one_step("tunnels/paper_ends_common", "rates.sgd=0.05")
    start, after = run.snapshot(0), run.state()
    for name, tensor in start.items():
        if name.endswith("weight"):
            assert not torch.equal(after[name], tensor)
