"""Every family on a surface: the graph of fused layers computes what the network itself computes."""

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from torch import nn

from lossatlas.landscape import Engine, Problem, surface
from lossatlas.models import kaiming_normal
from lossatlas.runs.composition.compose import compose_config

FAMILIES = [
    ["densenet_narrow"],
    ["densenet_narrow", "model.bottleneck=false", "model.compression=1.0"],
    ["lenet"],
    ["mobilenetv2_narrow"],
    ["mobilenetv2_narrow", "model.activation=relu"],
    ["preresnet_narrow"],
    ["preresnet_narrow", "model.skip=false"],
    ["preresnet_narrow", "model.bottleneck=true"],
    ["resnet20_narrow"],
    ["squeezenet_narrow"],
    ["vgg9_narrow"],
    ["wrn_narrow"],
]


@pytest.mark.parametrize("family", FAMILIES, ids="-".join)
def test_a_surface_is_the_same_with_and_without_fused_layers(family: list[str]) -> None:
    """In float64, so that nothing but rounding is left: these networks have never been trained, and are steep."""
    rng = torch.Generator().manual_seed(0)
    network = instantiate(compose_config([f"model={family[0]}", *family[1:]]).model).double()
    kaiming_normal(network, generator=rng, linear_std=None)
    images = torch.randn(40, 1, 8, 8, generator=rng, dtype=torch.float64)
    network.train()(images)  # for running statistics that are not those of a fresh network
    data = {"train": (images, torch.randint(0, 10, (40,), generator=rng))}

    def surveyed(fuse: bool) -> tuple[np.ndarray, str]:
        problem = Problem(network, nn.CrossEntropyLoss(), data)
        dataset = surface(problem, points=3, engine=Engine(fuse=fuse))
        return dataset.loss.to_numpy(), dataset.attrs["forward"]

    (fused, fused_forward), (plain, plain_forward) = surveyed(True), surveyed(False)
    np.testing.assert_allclose(fused, plain, rtol=1e-9)
    assert (fused_forward, plain_forward) == ("fused", "module")
