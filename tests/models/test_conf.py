"""Every choice in conf/model and conf/init against what it names; what all networks have in common."""

import inspect
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig
from torch import nn

from lossatlas.models import kaiming_normal
from lossatlas.runs.composition.compose import compose_config

CONF = Path(__file__).parents[2] / "conf"
NORMALIZATIONS = sorted(path.stem for path in CONF.glob("normalization/*.yaml"))
INITS = sorted(path.stem for path in CONF.glob("init/*.yaml"))
MODELS = sorted({path.stem for path in CONF.glob("model/*.yaml")} - {"own", "ball"})  # no networks for images
SMALL = [name for name in MODELS if name.endswith("_narrow")] + ["lenet", "mlp"]
HEAVY = ["alexnet", "densenet100", "wrn28_10", "wrn28_10_garipov2018", "wrn28_20", "wrn56_8"]
# Arguments that came when runs of other choices were stored; those that need them show them.
LATER = {"convention", "stages"}
CIFAR, DIGITS = (3, 32, 32), (1, 8, 8)


@cache
def load(group: str, choice: str, shape: tuple[int, ...] = CIFAR) -> DictConfig:
    node: DictConfig = compose_config([f"{group}={choice}", f"data.shape={list(shape)}"])[group]
    return node


def names(choice: str, shape: tuple[int, ...] = CIFAR) -> nn.Module:
    torch.manual_seed(0)
    return instantiate(load("model", choice, shape))


def count(choice: str) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in names(choice).parameters())


def each_with_its_images() -> list[Any]:
    """Every choice and the shape of the images that it is for; of small networks both."""
    wide = [pytest.param(m, CIFAR, marks=[pytest.mark.slow] if m in HEAVY else [], id=m) for m in MODELS]
    return wide + [pytest.param(m, DIGITS, id=f"{m}-digits") for m in SMALL]


@pytest.mark.parametrize(
    ("group", "choice"),
    [
        *(("model", m) for m in MODELS),
        *(("init", i) for i in INITS),
        *(("normalization", n) for n in NORMALIZATIONS),
    ],
)
def test_every_choice_shows_each_argument_of_its_target(group: str, choice: str) -> None:
    config = load(group, choice)
    parameters = inspect.signature(get_object(config._target_)).parameters
    given = {"model", "network", "generator", "images"} if config.get("_partial_") else set()
    shown = {str(key) for key in config if not str(key).startswith("_")}
    assert set(parameters) - given - LATER <= shown <= set(parameters) - given
    assert (CONF / group / f"{choice}.yaml").read_text().startswith("# ")


def conv_bn(*channels: int) -> int:
    """Parameters of 3x3 convolutions without bias, each with its batch norm."""
    return sum(9 * c * c_out + 2 * c_out for c, c_out in pairwise(channels))


SHORTCUTS_OF_WIDTH_8 = (8 * 16 + 2 * 16) + (16 * 32 + 2 * 32)


@pytest.mark.parametrize(
    ("choice", "parameters"),
    [
        ("resnet20", 272_474),
        ("resnet32_padded", 464_154),  # 0.46M in table 6 of He et al. 2016
        ("resnet56", 855_770),
        ("resnet110", 1_730_714),
        ("resnet20_narrow", conv_bn(3, *[8] * 7, *[16] * 6, *[32] * 6) + SHORTCUTS_OF_WIDTH_8 + 32 * 10 + 10),
        ("vgg9", conv_bn(3, 64, 64, 128, 128, 256, 256, 256) + 4096 * 256 + 2 * 256 + 256 * 10 + 10),
        ("vgg9_li2018", 2_789_706),  # counted from the networks of the papers' codes
        ("densenet121_li2018", 6_956_298),
        ("vgg16_bn_garipov2018", 15_253_578),
        ("preresnet110_garipov2018", 1_146_842),
        ("preresnet164_garipov2018", 1_703_258),
        ("preresnet18", 11_172_170),
        ("wrn28_10_garipov2018", 36_489_290),
        ("vgg9_narrow", conv_bn(3, 8, 8, 16, 16, 32, 32, 32) + 512 * 32 + 2 * 32 + 32 * 10 + 10),
        ("vgg16", 15_245_130),
        ("vgg16_bn", 15_245_130 + 4224 + 1024),  # batch norm has two parameters where there was a bias
        ("vgg19", 15_245_130 + (9 * 256**2 + 256) + 2 * (9 * 512**2 + 512)),
        ("conv3_fc3", 4_438_710),
        ("mlp", 3072 * 64 + 64 + 64 * 64 + 64 + 64 * 10 + 10),
    ],
)
def test_every_choice_has_the_parameters_that_its_layers_add_up_to(choice: str, parameters: int) -> None:
    assert count(choice) == parameters


@pytest.mark.parametrize(
    ("choice", "millions"),
    [
        ("preresnet110", 1.7),  # He et al. 2016b
        ("preresnet164", 1.7),
        ("wrn28_10", 36.5),  # Zagoruyko & Komodakis 2016
        ("wrn16_8", 11.0),
        ("densenet40", 1.0),  # Huang et al. 2017, table 2
        ("densenet100", 27.2),
        ("densenet100_bc", 0.8),
    ],
)
def test_a_choice_has_the_published_number_of_parameters(choice: str, millions: float) -> None:
    assert round(count(choice) / 1e6, 1) == millions


@pytest.mark.parametrize(("choice", "shape"), each_with_its_images())
def test_every_parameter_of_a_network_gets_a_gradient(choice: str, shape: tuple[int, ...]) -> None:
    network = names(choice, shape)
    if not choice.startswith(("alexnet", "lenet", "mlp", "vgg", "squeezenet")) or choice.endswith(
        ("_narrow", "_bn")
    ):
        kaiming_normal(network, generator=torch.Generator().manual_seed(0))
    images = torch.randn(6 if choice in SMALL else 2, *shape, generator=torch.Generator().manual_seed(0))
    loss = nn.functional.cross_entropy(network(images), torch.arange(len(images)))
    loss.backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    assert [name for name, g in gradients.items() if g is None or not g.any() or not g.isfinite().all()] == []


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


@pytest.mark.parametrize("choice", INITS)
def test_an_initialisation_is_called_with_the_model_a_generator_and_images_if_it_takes_them(
    choice: str,
) -> None:
    network = names("resnet8_narrow", DIGITS)
    initialize = instantiate(load("init", choice))
    images = torch.randn(256, *DIGITS, generator=torch.Generator().manual_seed(0))
    given = {"images": lambda n: images[:n]} if "images" in inspect.signature(initialize).parameters else {}
    initialize(network, generator=torch.Generator().manual_seed(0), **given)
    std = network.classifier.weight.std().item()
    assert (std < 0.002) == (choice in ("kaiming", "zero_residual"))
    assert network.eval()(images).isfinite().all()


def test_their_vgg9_has_as_many_tensors_as_their_direction_files() -> None:
    with torch.device("meta"):
        assert [len(list(names(choice).parameters())) for choice in ("vgg9", "vgg9_li2018")] == [26, 34]


def test_a_network_too_deep_for_the_digits_says_so() -> None:
    with pytest.raises(InstantiationException, match="at least 32x32 pixels, got 8x8"):
        names("vgg16", DIGITS)
