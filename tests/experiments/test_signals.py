"""Every network passes a signal at its start: those of conf/model from the advised initialisation, those of experiments
from the one that these give them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from composed import configs_of
from readings import named
from test_papers import quick
from torch import nn

from lossatlas.experiments.catalogue import experiments
from lossatlas.runs.build import build_network
from lossatlas.runs.composition.compose import compose_job

CONF = Path(__file__).parents[2] / "conf"
MODELS = sorted({path.stem for path in CONF.glob("model/*.yaml")} - {"own", "ball"})  # no networks for images
HEAVY = ("densenet100", "densenet121", "wrn", "resnet110", "resnet156", "preresnet", "mobilenetv2")
ADVISED = {
    **dict.fromkeys(["vgg16", "vgg19", "vgg16_bn_garipov2018"], "garipov2018"),
    **dict.fromkeys(["conv3_fc3", "conv3_fc3_narrow", "lenet", "mlp"], "default"),
    **dict.fromkeys(["alexnet", "alexnet_narrow"], "kaiming_fan_in"),
}


LEAST = 1e-4  # of the weights; at 1e-7 the loss of VGG-16 stays at the logarithm of the classes


def signal(config: dict[str, Any]) -> float:
    """Gradient of the first layer on eight images, in training mode, as a share of the layer's weights."""
    channels, height, width = config["data"]["shape"]
    rng = torch.Generator().manual_seed(0)
    small = torch.randn(8, channels, min(height, 4), min(width, 4), generator=rng)
    images = nn.functional.interpolate(small, size=(height, width), mode="bilinear")  # smooth, as images are
    network = build_network(config).train()
    torch.manual_seed(0)  # of dropout
    outputs = network(images / images.std())
    nn.functional.cross_entropy(outputs, torch.arange(8) % outputs.shape[1]).backward()
    first = next(parameter for parameter in network.parameters() if parameter.ndim > 1)
    assert first.grad is not None
    return float(first.grad.norm() / first.detach().norm())


def at_start(model: str, *overrides: str) -> float:
    data = "digits" if model.endswith("_narrow") else "cifar10"
    return signal(compose_job([f"data={data}", f"model={model}", "logger=none", *overrides]).config)


@pytest.mark.parametrize(
    "model",
    [pytest.param(name, marks=[pytest.mark.slow] if name.startswith(HEAVY) else []) for name in MODELS],
)
def test_a_network_passes_a_signal_from_the_advised_initialisation(model: str) -> None:
    assert at_start(model, f"init={ADVISED.get(model, 'kaiming')}") > LEAST


@pytest.mark.parametrize(
    ("model", "init"), [(model, init) for model, init in ADVISED.items() if init != "kaiming"]
)
def test_the_advice_stands_in_the_file_of_a_network_that_needs_another_one(model: str, init: str) -> None:
    first = (CONF / "model" / f"{model}.yaml").read_text().splitlines()[0]
    assert f"init={init}" in first


@pytest.mark.parametrize(
    ("model", "overrides"),
    [("vgg16", ["init=kaiming"]), ("vgg16", ["init=default"]), ("vgg16_bn_garipov2018", ["init=kaiming"])],
)
def test_without_norms_in_front_small_linear_layers_pass_none(model: str, overrides: list[str]) -> None:
    """What the advice is there for."""
    assert at_start(model, *overrides) < LEAST


def test_kaiming_in_all_layers_passes_one_through_vgg16() -> None:
    assert at_start("vgg16", "init=kaiming", "init.linear_std=null") > 1e-2


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        pytest.param(name, scale, marks=[] if name == "tunnels" and name in quick() else pytest.mark.slow)
        for name in experiments()
        for scale in ("digits", "paper")
        if name != "initialization"  # which is about networks that pass none
    ],
)
def test_every_network_of_an_experiment_passes_a_signal(name: str, scale: str) -> None:
    networks = [c for c in configs_of(name, {}, scale) if named(c["model"]) != "Point"]  # a ball is none
    configs = {json.dumps([c["model"], c["init"]]): c for c in networks}
    silent = {made: found for made, config in configs.items() if (found := signal(config)) < LEAST}
    assert silent == {}
