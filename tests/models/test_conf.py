"""Every choice in conf/model and conf/init against what it names; what all networks have in common."""

import inspect
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from torch import nn

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted([*CONF.glob("model/*.yaml"), *CONF.glob("init/*.yaml")])
MODELS = sorted(path.stem for path in CONF.glob("model/*.yaml"))
SMALL = ["mlp", "resnet20", "resnet20_narrow", "vgg9", "vgg9_narrow"]
CIFAR, DIGITS = [3, 32, 32], [1, 8, 8]


def load(path: str, shape: list[int] = CIFAR) -> DictConfig:
    data = {"shape": shape, "classes": 10}
    return OmegaConf.create({"data": data, "choice": OmegaConf.load(CONF / f"{path}.yaml")}).choice


def names(choice: str, shape: list[int] = CIFAR) -> nn.Module:
    torch.manual_seed(0)
    return instantiate(load(f"model/{choice}", shape))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_choice_shows_each_argument_of_its_target(path: Path) -> None:
    config = load(f"{path.parent.name}/{path.stem}")
    parameters = inspect.signature(get_object(config._target_)).parameters
    given = {"model", "generator"} if config.get("_partial_") else set()
    assert {key for key in config if not key.startswith("_")} == set(parameters) - given
    assert path.read_text().startswith("# ")


def conv_bn(*channels: int) -> int:
    """Parameters of 3x3 convolutions without bias, each with its batch norm."""
    return sum(9 * c * c_out + 2 * c_out for c, c_out in pairwise(channels))


SHORTCUTS_OF_WIDTH_8 = (8 * 16 + 2 * 16) + (16 * 32 + 2 * 32)


@pytest.mark.parametrize(
    ("choice", "parameters"),
    [
        ("resnet20", 272_474),
        ("resnet56", 855_770),
        ("resnet110", 1_730_714),
        ("resnet20_narrow", conv_bn(3, *[8] * 7, *[16] * 6, *[32] * 6) + SHORTCUTS_OF_WIDTH_8 + 32 * 10 + 10),
        ("vgg9", conv_bn(3, 64, 64, 128, 128, 256, 256, 256) + 4096 * 256 + 2 * 256 + 256 * 10 + 10),
        ("vgg9_narrow", conv_bn(3, 8, 8, 16, 16, 32, 32, 32) + 512 * 32 + 2 * 32 + 32 * 10 + 10),
        ("vgg16", 15_245_130),
        ("mlp", 3072 * 64 + 64 + 64 * 64 + 64 + 64 * 10 + 10),
    ],
)
def test_every_choice_has_the_parameters_that_its_layers_add_up_to(choice: str, parameters: int) -> None:
    with torch.device("meta"):
        network = instantiate(load(f"model/{choice}"))
    assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize("choice", SMALL)
@pytest.mark.parametrize("shape", [CIFAR, DIGITS], ids=["cifar", "digits"])
def test_every_parameter_of_a_network_gets_a_gradient(choice: str, shape: list[int]) -> None:
    network = names(choice, shape)
    images = torch.randn(6, *shape, generator=torch.Generator().manual_seed(0))
    loss = nn.functional.cross_entropy(network(images), torch.arange(6))
    loss.backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("choice", SMALL)
@torch.no_grad()
def test_memory_layout_does_not_change_what_a_network_computes(choice: str) -> None:
    network = names(choice, DIGITS).eval()
    images = torch.randn(6, *DIGITS, generator=torch.Generator().manual_seed(0))
    expected = network(images)
    last = network.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(last, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("choice", MODELS)
@torch.no_grad()
def test_a_gpu_computes_the_same(choice: str) -> None:
    network = names(choice).eval()
    images = torch.randn(6, *CIFAR, generator=torch.Generator().manual_seed(0))
    expected = network(images)
    torch.testing.assert_close(network.cuda()(images.cuda()).cpu(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("choice", ["kaiming", "default"])
def test_an_initialisation_is_called_with_the_model_and_a_generator(choice: str) -> None:
    network = names("vgg9_narrow", DIGITS)
    initialize = instantiate(load(f"init/{choice}"))
    initialize(network, generator=torch.Generator().manual_seed(0))
    std = network.classifier[-1].weight.std().item()
    assert (std < 0.002) == (choice == "kaiming")


def test_a_network_too_deep_for_the_digits_says_so() -> None:
    with pytest.raises(InstantiationException, match="at least 32x32 pixels, got 8x8"):
        names("vgg16", DIGITS)
