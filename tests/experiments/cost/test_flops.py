from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lossatlas.experiments.cost.flops import FlopCount, forward_flops
from lossatlas.experiments.cost.survey_cost import product_flops
from lossatlas.landscape import Problem
from lossatlas.models import VGG, ResNet

CIFAR: dict[str, Any] = {"input_shape": (3, 32, 32), "classes": 10}
VGG16: dict[str, Any] = {"width": 64, "hidden": [8], "batch_norm": True}


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        # two for a multiply-add: positions x channels out x channels in of a group x kernel
        (nn.Conv2d(3, 16, 3, padding=1, bias=False), 2 * 32 * 32 * 16 * 3 * 9),
        (nn.Conv2d(3, 8, 5, stride=2), 2 * 14 * 14 * 8 * 3 * 25),
        (nn.Conv2d(3, 6, 1, groups=3), 2 * 32 * 32 * 6 * 1 * 1),
        (nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)), 2 * 3072 * 10),
    ],
)
def test_a_layer_takes_what_its_closed_form_says(layer: nn.Module, expected: int) -> None:
    assert forward_flops(lambda: deepcopy(layer), (3, 32, 32)) == expected
    with FlopCount() as count, torch.inference_mode():
        layer(torch.zeros(5, 3, 32, 32))
    assert count.flops == 5 * expected


@pytest.mark.parametrize(
    ("make", "multiply_adds"),
    [
        # Table 1 of Li et al. 2017, Pruning Filters for Efficient ConvNets (arXiv:1608.08710)
        (lambda: ResNet(56, shortcut="A", **CIFAR), 1.25e8),
        (lambda: ResNet(110, shortcut="A", **CIFAR), 2.53e8),
        (
            lambda: VGG([1, 1, "M", 2, 2, "M", 4, 4, 4, "M", 8, 8, 8, "M", 8, 8, 8, "M"], **VGG16, **CIFAR),
            3.13e8,
        ),
    ],
)
def test_networks_take_what_is_published_of_them(make: type[nn.Module], multiply_adds: float) -> None:
    assert forward_flops(make, (3, 32, 32)) / 2 == pytest.approx(multiply_adds, rel=0.005)


def test_shortcuts_that_only_add_take_nothing() -> None:
    with_shortcuts, without = (
        forward_flops(lambda skip=skip: ResNet(20, shortcut="A", skip=skip, **CIFAR), (3, 32, 32))  # type: ignore[misc]
        for skip in (True, False)
    )
    assert with_shortcuts == without


def test_a_product_with_the_hessian_takes_what_torch_counts_of_two_derivatives() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
    images, targets = torch.randn(1, 1, 8, 8), torch.tensor([2])
    problem = Problem(network, nn.CrossEntropyLoss(), {"train": (images, targets)})
    weights = list(network.parameters())
    with FlopCounterMode(display=False) as counter:
        loss = nn.functional.cross_entropy(network(images), targets)
        gradient = torch.autograd.grad(loss, weights, create_graph=True)
        torch.autograd.grad(gradient, weights, [torch.ones_like(w) for w in weights])
    assert product_flops(problem, "hessian") == counter.get_total_flops()
