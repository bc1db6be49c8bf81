"""`architectures` at scale paper against what Li et al. 2018 print, and one step of each network on a tiny CIFAR-10."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hydra.types import RunMode
from paper import FN, Config, assert_trained_as_li2018, chosen, composed
from torch import nn

from lossatlas.experiments.sweeps import compose_sweeps
from lossatlas.models import DenseNet, ResNet
from lossatlas.runs.build import make
from lossatlas.runs.composition.compose import compose_config
from lossatlas.runs.store.store import Run

# File, network, rates: figure 4's two (the rate of the second is the authors' script's), the table's two rates,
# and section 5's "156 layers", for which no rates are printed.
ROWS = [
    ("paper", "densenet121", [0.1]),
    ("paper_deep", "resnet110_noshort", [0.01]),
    ("paper_tabled", "resnet56_noshort", [0.1, 0.01]),
    ("paper_deepest", "resnet156_noshort", [0.1, 0.01, 0.001]),
]
CELLS = [(file, network, rate) for file, network, rates in ROWS for rate in rates]


def paper(file: str, network: str, rate: float) -> Config:
    return composed(f"architectures/{file}", f"model={network}", f"optimizer.lr={rate}")


def network_of(config: Config) -> nn.Module:
    with torch.device("meta"):
        network: nn.Module = make(config["model"])
    return network


def test_the_sweeps_are_the_papers_networks_at_their_rates_over_five_seeds() -> None:
    sweeps = compose_sweeps(["experiment=architectures", "scale=paper", "seed=0"])
    found = [
        (sweep.overrides[0].rpartition("/")[2], sweep.planned["model"], sweep.planned["optimizer.lr"])
        for sweep in sweeps
    ]
    assert found == [(file, [network], rates) for file, network, rates in ROWS]
    assert all(sweep.planned["seed"] == [0, 1, 2, 3, 4] for sweep in sweeps)
    assert sum(len(sweep.jobs) for sweep in sweeps) == len(CELLS)
    assert compose_config(["experiment=architectures/paper"]).hydra.mode is RunMode.MULTIRUN


@pytest.mark.parametrize(("file", "network", "rate"), CELLS)
def test_training_is_the_papers_for_every_network(file: str, network: str, rate: float) -> None:
    assert_trained_as_li2018(paper(file, network, rate), lr=rate, weight_decay=5e-4, batch_size=128)


def test_the_densenet_has_121_layers_and_a_plain_stem() -> None:
    """Huang et al. 2017, table 1, growth 32; a 3x3 convolution of stride 1 in front, as the authors have on CIFAR."""
    network = network_of(paper("paper", "densenet121", 0.1))
    assert isinstance(network, DenseNet)
    assert sum(isinstance(layer, nn.Conv2d | nn.Linear) for layer in network.modules()) == 121
    assert (network.conv.kernel_size, network.conv.stride) == ((3, 3), (1, 1))
    assert network.classifier.in_features == 1024


@pytest.mark.parametrize(
    ("file", "choice", "depth"),
    [
        ("paper_deep", "resnet110_noshort", 110),
        ("paper_tabled", "resnet56_noshort", 56),
        ("paper_deepest", "resnet156_noshort", 156),
    ],
)
def test_the_others_are_resnets_without_a_single_shortcut(file: str, choice: str, depth: int) -> None:
    network = network_of(paper(file, choice, 0.1))
    assert isinstance(network, ResNet)
    assert all(block.shortcut is None for block in network.blocks)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(layers) == depth
    assert layers[0].weight.shape == (16, 3, 3, 3)


@pytest.mark.parametrize(("file", "network", "rate"), CELLS)
def test_surfaces_are_the_papers_and_only_those_of_figure_4(file: str, network: str, rate: float) -> None:
    expected: dict[str, Any] = {**FN, "points": 51}
    landscape = paper(file, network, rate)["landscape"]
    surfaces = {name: chosen(node, expected) for name, node in landscape.items()}
    assert surfaces == ({"surface": expected} if file in ("paper", "paper_deep") else {})


def test_levels_name_the_networks_of_the_sweeps() -> None:
    levels = compose_config(["experiment=architectures/paper"]).experiment.values
    assert (levels.dense, levels.deep, levels.tabled, levels.deepest) == tuple(row[1] for row in ROWS)
    assert levels.deep_rate == 0.01
    assert list(levels.contours) == pytest.approx(
        [0.1 + 0.5 * k for k in range(20)]
    )  # 0.1, 0.6, ... below 10


@pytest.mark.parametrize(
    ("file", "network", "rate"),
    [
        pytest.param(*cell, marks=[] if cell[1] == "resnet56_noshort" else [pytest.mark.slow])
        for cell in CELLS
    ],
)
def test_each_network_takes_its_first_step(
    one_step: Callable[..., Run], file: str, network: str, rate: float
) -> None:
    run = one_step(f"architectures/{file}", f"model={network}", f"optimizer.lr={rate}", "landscape=none")
    assert run.history().lr.dropna().tolist() == [rate]
    start, after = run.snapshot(0), run.state()
    still = [name for name in start if name.endswith("weight") and torch.equal(start[name], after[name])]
    assert still == []
