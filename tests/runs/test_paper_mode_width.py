"""`mode_width` at scale paper: the network of Garipov et al. 2018 by its width, trained as their VGG-16."""

from collections.abc import Callable

import pytest
import torch
from hydra.types import RunMode
from paper import Config, chosen, composed
from torch import nn

from lossatlas.landscape import Bezier
from lossatlas.runs.build import make
from lossatlas.runs.composition.compose import compose_config, compose_jobs
from lossatlas.runs.composition.job import Job
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.store import Run

WIDTHS = {15: 0.3, 25: 0.5, 40: 0.8, 50: 1.0}  # of the first layer, and K
CURVE, LINE = "mode_width/paper", "mode_width/paper_segment"


def of_curve(*overrides: str) -> Config:
    return composed(CURVE, *overrides)


@pytest.mark.parametrize(("width", "k"), WIDTHS.items())
def test_the_networks_have_three_convolutions_and_three_layers_of_1000_k_units(width: int, k: float) -> None:
    """The last of which is the classifier."""
    with torch.device("meta"):
        network = make(of_curve(f"model.width={width}")["model"])
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert [type(layer) for layer in layers] == 3 * [nn.Conv2d] + 3 * [nn.Linear]
    assert [layer.out_features for layer in layers[3:]] == [round(1000 * k), round(1000 * k), 10]


def test_at_scale_digits_the_widths_are_in_the_papers_ratio() -> None:
    jobs = compose_jobs(["experiment=mode_width", "scale=digits", "seed=0"])
    widths = sorted({job.config["model"]["width"] for job in jobs})
    assert [width / 20 for width in widths] == list(WIDTHS.values())


@pytest.mark.parametrize(("choice", "epochs", "rate"), [(LINE, 200, 0.05), (CURVE, 600, 0.015)])
def test_training_is_that_of_the_papers_vgg16(choice: str, epochs: int, rate: float) -> None:
    """Constant for half of it, down in a line to a hundredth at 90 %, and constant again; no Nesterov momentum."""
    config = composed(choice)
    optimizer = make(config["optimizer"])([nn.Parameter(torch.zeros(1))])
    decay = 0.0 if choice == CURVE else 5e-4
    expected = {"momentum": 0.9, "nesterov": False, "dampening": 0, "lr": rate, "weight_decay": decay}
    assert type(optimizer) is torch.optim.SGD
    assert chosen(optimizer.defaults, expected) == expected
    assert config["epochs"] == epochs
    schedule = make(config["scheduler"])
    at = [0, epochs // 2, round(0.7 * epochs), round(0.9 * epochs), epochs - 1]
    assert [schedule(epoch) for epoch in at] == pytest.approx([1.0, 1.0, 0.505, 0.01, 0.01])
    assert config["data"]["_target_"] == "lossatlas.data.cifar10"
    assert config["data"]["batch_size"] == 128
    assert set(config["data"]["augment"]) == {"crop", "flip"}


def test_the_curve_has_one_bend_and_the_ends_penalty_at_its_points() -> None:
    config = of_curve()
    assert make(config["study"]["curve"]) == Bezier(bends=1)
    assert config["study"]["objective"] == {"_target_": "lossatlas.studies.UniformPosition"}
    assert config["regularizer"]["l2"]["weight_decay"] == 5e-4


@pytest.mark.parametrize("seed", [0, 3])
def test_the_ends_are_the_networks_of_the_straight_line(seed: int) -> None:
    """Of seeds n and 1n, trained once for both."""
    first, last = (end.config for end in Job((), of_curve(f"seed={seed}", "model.width=25")).upstream)
    assert fingerprint(first) == fingerprint(composed(LINE, f"seed={seed}", "model.width=25"))
    assert fingerprint(last) == fingerprint(composed(LINE, f"seed=1{seed}", "model.width=25"))
    assert composed(LINE)["landscape"]["path"]["through"] == [{"run": ["seed=10"]}]


@pytest.mark.parametrize("choice", [CURVE, LINE])
def test_paths_have_61_points(choice: str) -> None:
    path = composed(choice)["landscape"]["path"]
    assert chosen(path, {"points": 61, "splits": 0}) == {"points": 61, "splits": ["train", "test"]}


def test_the_sweep_is_over_widths_and_five_seeds_for_curve_and_line() -> None:
    jobs = compose_jobs(["experiment=mode_width", "scale=paper", "seed=0"])
    assert [job.config["model"]["width"] for job in jobs] == list(WIDTHS)
    for choice in (CURVE, LINE):
        whole = compose_config([f"experiment={choice}"])
        assert whole.hydra.mode is RunMode.MULTIRUN
        assert whole.hydra.sweeper.params.seed == "0,1,2,3,4"
    assert compose_config([f"experiment={CURVE}"]).experiment.also == ["paper_segment"]


def test_every_width_of_the_axis_is_that_of_the_model() -> None:
    axes = of_curve()["experiment"]["axes"]
    assert axes == {"method": "experiment.method", "width": "model.width", "seed": "seed"}
    assert (of_curve()["experiment"]["method"], composed(LINE)["experiment"]["method"]) == (
        "curve",
        "segment",
    )


@pytest.mark.slow
def test_the_curve_takes_its_first_step_between_ends_that_took_theirs(one_step: Callable[..., Run]) -> None:
    run = one_step(CURVE, "model.width=15", "landscape=none")
    first, bend, last = run.members().values()
    for name, tensor in bend.items():
        if name.endswith("weight"):
            assert not torch.equal(tensor, (first[name] + last[name]) / 2)
