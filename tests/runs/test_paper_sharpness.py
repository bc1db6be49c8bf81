"""`sharpness` at scale paper against what Li et al. 2018 print, and one step of it on a tiny CIFAR-10."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.types import RunMode
from paper import FN, assert_trained_as_li2018, chosen, composed
from torch import nn

from lossatlas.figures import style
from lossatlas.runs.build import build_data, build_network, make
from lossatlas.runs.composition.compose import compose_config, compose_jobs
from lossatlas.runs.store.store import Run


def paper(*overrides: str) -> dict[str, Any]:
    return composed("sharpness/paper", *overrides)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return build_network(paper())


def test_the_network_is_vgg9(network: nn.Module) -> None:
    """64-64-M-128-128-M-256-256-256-M, FC 4096 -> 256 -> 10, batch norm after every convolution and the FC."""
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.Linear, nn.BatchNorm1d)
    layers = [layer for layer in network.modules() if isinstance(layer, kinds)]

    def convolution(channels: int, out_channels: int) -> list[str]:
        return [f"conv {channels} {out_channels} (3, 3)", f"norm {out_channels}"]

    def described(layer: nn.Module) -> str:
        match layer:
            case nn.Conv2d():
                return f"conv {layer.in_channels} {layer.out_channels} {layer.kernel_size}"
            case nn.Linear():
                return f"linear {layer.in_features} {layer.out_features}"
            case nn.MaxPool2d():
                return f"pool {layer.kernel_size}"
            case _:
                return f"norm {layer.num_features}"

    assert [described(layer) for layer in layers] == [
        *(*convolution(3, 64), *convolution(64, 64), "pool 2"),
        *(*convolution(64, 128), *convolution(128, 128), "pool 2"),
        *(*convolution(128, 256), *convolution(256, 256), *convolution(256, 256), "pool 2"),
        *("linear 4096 256", "norm 256", "linear 256 10"),
    ]


def test_convolutions_start_from_kaiming_normal_and_linear_weights_from_a_deviation_of_a_thousandth(
    network: nn.Module,
) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            fan_in = layer.weight[0].numel()
            expected = (2 / fan_in) ** 0.5 if isinstance(layer, nn.Conv2d) else 1e-3
            tolerance = 4 / (2 * layer.weight.numel()) ** 0.5  # four standard errors of a deviation
            assert layer.weight.std().item() == pytest.approx(expected, rel=tolerance)


def test_the_weights_start_with_the_norm_that_the_paper_plots(network: nn.Module) -> None:
    """About 60 at epoch 0 of figures 2b and 2e, all parameters together."""
    norm = torch.cat([p.detach().flatten() for p in network.parameters()]).norm().item()
    assert norm == pytest.approx(60, abs=2)


@pytest.mark.parametrize("weight_decay", [0.0, 5e-4])
@pytest.mark.parametrize(
    ("choice", "kind", "settings"),
    [
        ("sgd", torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "dampening": 0}),
        ("adam", torch.optim.Adam, {"lr": 1e-3, "amsgrad": False}),
    ],
)
def test_the_optimizers_have_the_papers_settings(
    network: nn.Module,
    choice: str,
    kind: type[torch.optim.Optimizer],
    settings: dict[str, Any],
    weight_decay: float,
) -> None:
    config = paper(f"optimizer={choice}", f"optimizer.weight_decay={weight_decay}")
    optimizer = make(config["optimizer"])(network.parameters())
    assert type(optimizer) is kind
    settings = {**settings, "weight_decay": weight_decay}
    assert chosen(optimizer.defaults, settings) == settings
    assert config["regularizer"] == {}  # weight decay only once


def test_training_is_the_papers() -> None:
    assert_trained_as_li2018(paper("optimizer=sgd", "optimizer.weight_decay=0.0005", "data.batch_size=128"))


def test_images_are_normalised_as_in_the_paper(tiny_cifar: Path) -> None:
    config = paper("data.batch_size=100", f"paths.data={tiny_cifar}")
    data = build_data(config)
    data.splits["test"].inputs[0, :, 0, 0] = 0
    data.splits["test"].inputs[0, :, 0, 1] = 255
    ends = data.normalized("test")[0][0, :, 0, :2].double()  # of the grey scale, for each channel
    mean, std = torch.tensor([[125.3, 123.0, 113.9], [63.0, 62.1, 66.7]], dtype=torch.float64)
    expected = torch.stack([-mean / std, (255 - mean) / std], dim=1)
    torch.testing.assert_close(ends, expected, rtol=1e-6, atol=1e-6)


def test_the_sweep_is_batch_size_by_weight_decay_by_optimizer_over_five_seeds() -> None:
    jobs = compose_jobs(["experiment=sharpness", "scale=paper", "seed=0"])
    cells = [
        (
            job.config["optimizer"]["_target_"],
            job.config["optimizer"]["weight_decay"],
            job.config["data"]["batch_size"],
        )
        for job in jobs
    ]
    optimizers = ["torch.optim.SGD", "torch.optim.Adam"]
    assert sorted(cells) == sorted(product(optimizers, [0.0, 5e-4], [128, 8192]))
    whole = compose_config(["experiment=sharpness/paper"])
    assert whole.hydra.mode is RunMode.MULTIRUN
    assert whole.hydra.sweeper.params.seed == "0,1,2,3,4"
    assert whole.experiment.also == ["paper_resnet"]


def test_the_resnets_are_56_layers_with_shortcuts_trained_with_batches_of_128_and_4096() -> None:
    """The row of figure 15: SGD, weight decay 5e-4."""
    jobs = compose_jobs(["experiment=sharpness/paper_resnet", "seed=0"])
    assert sorted(job.config["data"]["batch_size"] for job in jobs) == [128, 4096]
    resnet56 = {"depth": 56, "width": 16, "skip": True, "shortcut": "B"}
    for job in jobs:
        assert chosen(job.config["model"], resnet56) == resnet56
        assert_trained_as_li2018(job.config, batch_size=job.config["data"]["batch_size"])
        around = {**FN, "points": 51}
        expected = {"line": {**around, "directions": 10}, "surface": around}
        landscape = job.config["landscape"]
        assert {name: chosen(node, expected[name]) for name, node in landscape.items()} == expected
    whole = compose_config(["experiment=sharpness/paper_resnet"])
    assert whole.hydra.sweeper.params.seed == "0,1,2,3,4"
    assert whole.hydra.sweeper.params.model == "resnet56"


def test_the_landscapes_are_the_papers() -> None:
    """FN lines and surfaces from directions seeded 123, biases and batch norm left alone; dir_type "states"."""
    landscape = paper()["landscape"]
    around = {**FN, "points": 51}
    expected: dict[str, dict[str, Any]] = {
        "line": {**around, "directions": 10},
        "line_layer": {**around, "normalize": "layer", "directions": 5},
        "line_none": {**around, "normalize": "none", "extent": 0.5, "directions": 5},
        "surface": around,
        "interpolation": {"splits": FN["splits"], "low": -0.5, "high": 1.5, "points": 401, "statistics": True}
        | {"other": {"run": ["data.batch_size=8192"]}},
        "sharpness": {"epsilons": [1e-3, 5e-4], "iterations": 10, "split": "train"},  # Keskar et al. 2017
        "weights": {},
    }
    assert {name: chosen(node, expected[name]) for name, node in landscape.items()} == expected


def test_levels_are_those_of_the_papers_contours_and_of_its_sweep() -> None:
    levels = paper()["experiment"]["values"]
    assert (levels["small_batch"], levels["large_batch"], levels["weight_decay"]) == (128, 8192, 5e-4)
    assert (levels["resnet_large_batch"], levels["resnet_weight_decay"]) == (4096, 5e-4)
    np.testing.assert_allclose(style.LEVELS, [0.1 + 0.5 * k for k in range(20)])  # 0.1, 0.6, ... below 10
    assert np.isclose(style.LEVELS, levels["area"]).any()
    assert levels["epsilon"] in paper()["landscape"]["sharpness"]["epsilons"]


def test_the_first_step_moves_the_weights_as_sgd_with_nesterov_momentum_and_weight_decay_does(
    one_step: Callable[..., Run],
) -> None:
    """From rest the step is lr (1 + momentum) (gradient + wd w): two decays differ by lr (1 + momentum) wd w."""
    without, decayed = (one_step("sharpness/paper", f"optimizer.weight_decay={wd}") for wd in (0.0, 5e-4))
    for run in (without, decayed):
        assert run.history().lr.dropna().tolist() == [0.1]
    start, after, after_decayed = without.snapshot(0), without.state(), decayed.state()
    for name, weights in start.items():
        if name.endswith("weight"):
            moved = (after[name] - after_decayed[name]).double()
            expected = 0.1 * (1 + 0.9) * 5e-4 * weights.double()
            assert (moved - expected).norm() < 0.02 * expected.norm()
            assert (after[name] - weights).norm() > 0


def test_a_resnet_takes_its_first_step(one_step: Callable[..., Run]) -> None:
    run = one_step("sharpness/paper_resnet")
    moved = [
        (run.state()[name] - start).norm() for name, start in run.snapshot(0).items() if "weight" in name
    ]
    assert len(moved) > 56
    assert min(moved) > 0
