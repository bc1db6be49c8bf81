import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock as TorchvisionBlock

from lossatlas.models import ResNet
from lossatlas.models.resnet import BasicBlock, ProjectedShortcut

IMAGES = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("depth", "expected"), [(20, 269_722), (32, 464_154), (56, 853_018), (110, 1_727_962)]
)
def test_option_a_has_the_published_number_of_parameters(depth: int, expected: int) -> None:
    """He et al. 2016, table 6: 0.27M, 0.46M, 0.85M, 1.7M."""
    network = ResNet(depth, shortcut="A", input_shape=[3, 32, 32], classes=10)
    assert count(network) == expected
    assert sum(isinstance(module, nn.Conv2d | nn.Linear) for module in network.modules()) == depth


def test_option_b_adds_a_1x1_convolution_and_batch_norm_where_the_channels_double() -> None:
    network = ResNet(20, shortcut="B", input_shape=[3, 32, 32], classes=10)
    assert count(network) == 269_722 + (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)


@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_without_skips_the_shortcuts_parameters_go_too(shortcut: str) -> None:
    network = ResNet(20, shortcut=shortcut, skip=False, input_shape=[3, 32, 32], classes=10)
    assert count(network) == 269_722


def test_a_projected_block_computes_what_torchvisions_does() -> None:
    ours = BasicBlock(3, 6, stride=2, shortcut=ProjectedShortcut(3, 6, stride=2))
    theirs = TorchvisionBlock(3, 6, 2, nn.Sequential(nn.Conv2d(3, 6, 1, 2, bias=False), nn.BatchNorm2d(6)))
    theirs.load_state_dict({k.replace("shortcut", "downsample"): v for k, v in ours.state_dict().items()})
    torch.testing.assert_close(ours(IMAGES), theirs(IMAGES))


def test_an_identity_block_computes_what_torchvisions_does() -> None:
    ours, theirs = BasicBlock(3, 3, stride=1, shortcut=nn.Identity()), TorchvisionBlock(3, 3)
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(IMAGES), theirs(IMAGES))


def silenced(network: ResNet) -> ResNet:
    """Let every block's convolutions give zero, so that only shortcuts carry a signal."""
    for block in network.blocks:
        nn.init.zeros_(block.bn2.weight)
    return network.eval()


@torch.no_grad()
def test_option_a_passes_every_second_pixel_and_no_more_channels() -> None:
    network = silenced(ResNet(14, shortcut="A", input_shape=[3, 8, 8], classes=10))
    first = network.bn(network.conv(IMAGES)).relu()[:, :, ::4, ::4].mean((2, 3))  # (B, 16)
    features = torch.cat([first, torch.zeros(4, 48)], dim=1)
    torch.testing.assert_close(network(IMAGES), network.classifier(features))


@torch.no_grad()
def test_without_skips_nothing_passes_a_silenced_block() -> None:
    network = silenced(ResNet(14, skip=False, input_shape=[3, 8, 8], classes=10))
    torch.testing.assert_close(network(IMAGES), network.classifier.bias.expand(4, 10))


def test_the_width_multiplies_every_stage() -> None:
    network = ResNet(8, width=5, input_shape=[1, 8, 8], classes=3)
    assert [block.conv2.out_channels for block in network.blocks] == [5, 10, 20]


@pytest.mark.parametrize(("depth", "stages"), [(8, [1, 1, 1]), (10, [2, 1, 1]), (156, [26, 26, 25])])
def test_blocks_are_spread_evenly_and_the_earlier_stages_take_the_rest(depth: int, stages: list[int]) -> None:
    network = ResNet(depth, width=2, skip=False, input_shape=[3, 8, 8], classes=10)
    channels = [block.conv2.out_channels for block in network.blocks]
    assert [channels.count(2 * 2**stage) for stage in range(3)] == stages
    assert sum(isinstance(module, nn.Conv2d | nn.Linear) for module in network.modules()) == depth


@pytest.mark.parametrize(("depth", "nearest"), [(2, "8"), (7, "8"), (9, "8 or 10"), (109, "108 or 110")])
def test_another_depth_is_refused_with_the_nearest_that_are_right(depth: int, nearest: str) -> None:
    with pytest.raises(ValueError, match=rf"depth must be even and >= 8, got {depth}: nearest is {nearest}$"):
        ResNet(depth, input_shape=[3, 32, 32], classes=10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shortcut": "C"}, "shortcut must be one of A, B, got 'C'"),
        ({"input_shape": [3, 32, 3]}, "a ResNet needs images of at least 4x4 pixels, got 32x3"),
        ({"input_shape": [32, 32]}, r"input_shape must be \(channels, height, width\), got \(32, 32\)"),
        ({"input_shape": [0, 32, 32]}, "channels must be a positive integer, got 0"),
        ({"classes": 1}, "classes must be >= 2, got 1"),
        ({"width": 0}, "width must be a positive integer, got 0"),
        ({"depth": -4}, "depth must be a positive integer, got -4"),
    ],
)
def test_bad_arguments_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResNet(**{"depth": 20, "input_shape": [3, 32, 32], "classes": 10, **changes})
