"""The key `activation` of every network of conf/model that has activations."""

import pytest
import torch
from hydra.utils import instantiate
from torch import Tensor, nn

from lossatlas.models import MLP, kaiming_normal
from lossatlas.models.activations import ACTIVATIONS, replace_activations
from lossatlas.runs.composition.compose import compose_config

NETWORKS = [
    *(
        "alexnet_narrow",
        "densenet_narrow",
        "lenet",
        "mlp",
        "mobilenetv2_narrow",
        "preresnet_narrow",
        "resnet8_narrow",
    ),
    *("squeezenet_narrow", "vgg9_narrow", "wrn_narrow"),
]
FUNCTIONS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": lambda x: x.clamp(min=0),
    "relu6": lambda x: x.clamp(0, 6),
    "leaky_relu": lambda x: torch.where(x > 0, x, 0.01 * x),
    "gelu": lambda x: x * torch.special.ndtr(x),
    "silu": lambda x: x / (1 + torch.exp(-x)),
    "selu": lambda x: 1.0507009873554805 * torch.where(x > 0, x, 1.6732632423543772 * torch.expm1(x)),
    "linear": lambda x: x,
}
IMAGES = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def made(choice: str, activation: str) -> nn.Module:
    torch.manual_seed(0)
    network: nn.Module = instantiate(
        compose_config([f"model={choice}", f"model.activation={activation}"]).model
    )
    kaiming_normal(network, generator=torch.Generator().manual_seed(0), linear_std=None)
    return network.eval()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_name_is_the_function_that_it_says(name: str) -> None:
    x = torch.linspace(-8, 8, 101, dtype=torch.float64)
    torch.testing.assert_close(ACTIVATIONS[name]()(x.clone()), FUNCTIONS[name](x))


@pytest.mark.parametrize("choice", NETWORKS)
@torch.no_grad()
def test_every_network_computes_with_the_activation_that_it_is_given(choice: str) -> None:
    """Linear ones make it affine between two images, ReLU does not; in each place there is one of its own."""
    one, other = IMAGES[:2], IMAGES[2:]

    def bend(network: nn.Module) -> float:
        middle: Tensor = network((one + other) / 2)
        return (middle - (network(one) + network(other)) / 2).norm().item() / middle.norm().item()

    pooled = choice in (
        "alexnet_narrow",
        "squeezenet_narrow",
        "vgg9_narrow",
    )  # by their largest values, which is not linear
    assert bend(made(choice, "relu")) > 1e-3
    assert pooled or bend(made(choice, "linear")) < 1e-5
    tanh = made(choice, "tanh")
    kinds = {type(module) for module in tanh.modules()}
    assert nn.Tanh in kinds
    assert kinds.isdisjoint({nn.ReLU, nn.ReLU6})


@pytest.mark.parametrize("choice", NETWORKS)
@torch.no_grad()
def test_relu_and_what_is_relu_on_the_way_give_the_same_network(choice: str) -> None:
    """ReLU6 cuts at 6, which nothing reaches here: weights, names and outputs are the same."""
    relu, relu6 = made(choice, "relu"), made(choice, "relu6")
    assert list(relu.state_dict()) == list(relu6.state_dict())
    torch.testing.assert_close(relu(1e-3 * IMAGES), relu6(1e-3 * IMAGES), rtol=0, atol=0)


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(ValueError, match=r"activation must be one of sigmoid, .*, linear, got 'step'"):
        MLP([4], input_shape=(1, 8, 8), classes=2, activation="step")


def test_an_activation_that_has_several_places_is_replaced_at_each() -> None:
    active = nn.ReLU()
    network = nn.Sequential(nn.Linear(2, 2), active, nn.Linear(2, 2), active)
    replace_activations(network, nn.ReLU, nn.Tanh)
    assert [type(network[place]) for place in (1, 3)] == [nn.Tanh, nn.Tanh]
