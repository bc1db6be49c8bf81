import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, relu

from lossatlas.models import PreActResNet, WideResNet
from lossatlas.models.preact_resnet import PreActivationBlock

IMAGES = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
CIFAR = {"input_shape": (3, 32, 32), "classes": 10}


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def layers_of(network: nn.Module) -> int:
    return sum(isinstance(module, nn.Conv2d | nn.Linear) for module in network.modules())


def normalized(x: Tensor) -> Tensor:
    """Batch norm of fresh weights in training, from its definition."""
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, correction=0)
    return (x - mean) / (variance + 1e-5).sqrt()


def test_a_block_that_keeps_the_shape_adds_its_untouched_input() -> None:
    """He et al. 2016b, figure 1b: x + W2 relu(bn(W1 relu(bn(x))))."""
    block = PreActivationBlock([3, 3, 3], (3, 3), 1, skip=True, dropout=0.0)
    w1, w2 = (convolution.weight for convolution in block.convolutions)
    h = conv2d(relu(normalized(IMAGES)), w1, padding=1)
    h = conv2d(relu(normalized(h)), w2, padding=1)
    torch.testing.assert_close(block(IMAGES), IMAGES + h, rtol=1e-4, atol=1e-5)


def test_a_block_that_changes_the_shape_projects_the_activations() -> None:
    """As in the authors' code: the first batch norm and ReLU are shared by both paths."""
    block = PreActivationBlock([3, 2, 2, 8], (1, 3, 1), 2, skip=True, dropout=0.0)
    w1, w2, w3 = (convolution.weight for convolution in block.convolutions)
    assert block.projection is not None
    first = relu(normalized(IMAGES))
    h = conv2d(relu(normalized(conv2d(first, w1))), w2, stride=2, padding=1)
    expected = conv2d(first, block.projection.weight, stride=2) + conv2d(relu(normalized(h)), w3)
    torch.testing.assert_close(block(IMAGES), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_without_skips_nothing_passes_a_silenced_block() -> None:
    network = PreActResNet(8, skip=False, input_shape=(3, 8, 8), classes=10).eval()
    for block in network.blocks:
        nn.init.zeros_(block.convolutions[-1].weight)
    torch.testing.assert_close(network(IMAGES), network.classifier.bias.expand(4, 10))
    assert not any(block.projection for block in network.blocks)


def test_depths_count_the_layers_as_the_papers_do() -> None:
    """He et al. leave the two projections out (three with bottlenecks), Zagoruyko & Komodakis count three."""
    with torch.device("meta"):
        assert layers_of(PreActResNet(110, **CIFAR)) == 110 + 2
        assert layers_of(PreActResNet(164, bottleneck=True, **CIFAR)) == 164 + 3
        assert layers_of(WideResNet(28, 10, **CIFAR)) == 28 + 1  # they do not count the linear layer


@pytest.mark.parametrize(
    ("depth", "widen", "millions"),
    [(40, 1, 0.6), (40, 2, 2.2), (40, 4, 8.9), (28, 10, 36.5), (28, 12, 52.5), (22, 8, 17.2), (16, 8, 11.0)],
)
def test_wide_networks_have_the_published_number_of_parameters(
    depth: int, widen: int, millions: float
) -> None:
    """Zagoruyko & Komodakis 2016, table 4; of WRN-40-4's 8.949M they print 8.9."""
    with torch.device("meta"):
        network = WideResNet(depth, widen, **CIFAR)
    assert count(network) / 1e6 == pytest.approx(millions, abs=0.055)


def test_the_stem_has_its_own_width() -> None:
    network = PreActResNet(8, width=6, stem=4, input_shape=(1, 8, 8), classes=3)
    assert network.conv.out_channels == 4
    assert [block.convolutions[-1].out_channels for block in network.blocks] == [6, 12, 24]


def test_dropout_is_in_front_of_the_last_convolution_of_each_block() -> None:
    network = WideResNet(10, 1, dropout=0.3, input_shape=(1, 8, 8), classes=3)
    assert [block.dropout.p for block in network.blocks] == [0.3] * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"depth": 111, "bottleneck": True},
            r"depth must be 9n \+ 2 with n >= 1, got 111: nearest is 110 or 119$",
        ),
        ({"depth": 21}, r"depth must be 6n \+ 2 with n >= 1, got 21: nearest is 20 or 26$"),
        ({"dropout": 1.0}, r"dropout is a probability and must be in \[0, 1\), got 1.0"),
        ({"stem": 0}, "stem must be a positive integer, got 0"),
        ({"input_shape": [3, 3, 8]}, "a ResNet needs images of at least 4x4 pixels, got 3x8"),
    ],
)
def test_bad_arguments_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PreActResNet(**{"depth": 20, **CIFAR, **changes})


def test_a_wide_network_of_another_depth_is_refused() -> None:
    with pytest.raises(ValueError, match=r"depth of a wide ResNet must be 6n \+ 4 with n >= 1, got 26"):
        WideResNet(26, 10, **CIFAR)
