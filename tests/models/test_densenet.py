from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torchvision.models import DenseNet as TorchvisionDenseNet

from lossatlas.models import DenseNet

BC_121 = {"blocks": [6, 12, 24, 16], "growth": 32, "stem": 64, "bottleneck": True, "compression": 0.5}
CIFAR = {"input_shape": (3, 32, 32), "classes": 10}


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def of_kind(network: nn.Module, *kinds: type[nn.Module]) -> Iterator[nn.Module]:
    return (module for module in network.modules() if isinstance(module, kinds))


def test_with_bottlenecks_it_computes_what_torchvisions_does_without_its_stem() -> None:
    """Both hold their layers in the same order, but for the norm of torchvision's stem."""
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    ours = DenseNet([2, 3], 4, stem=8, bottleneck=True, compression=0.5, input_shape=(3, 16, 16), classes=5)
    theirs = TorchvisionDenseNet(4, (2, 3), 8, num_classes=5)
    theirs.features.conv0 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    for stem_layer in ("norm0", "relu0", "pool0"):
        setattr(theirs.features, stem_layer, nn.Identity())
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    torch.testing.assert_close(ours(images), theirs(images))


def test_densenet121_has_torchvisions_parameters_but_for_the_stem() -> None:
    with torch.device("meta"):
        ours, theirs = DenseNet(**BC_121, **{**CIFAR, "classes": 1000}), TorchvisionDenseNet()  # type: ignore[arg-type]
    stem = (49 - 9) * 3 * 64 + 2 * 64  # 7x7 for 3x3, and its batch norm
    assert count(ours) == count(theirs) - stem == 7_978_856 - stem


@pytest.mark.parametrize(
    ("blocks", "bottleneck", "depth"), [([12] * 3, False, 40), ([32] * 3, False, 100), ([16] * 3, True, 100)]
)
def test_the_layers_add_up_to_the_depth_in_the_name(blocks: list[int], bottleneck: bool, depth: int) -> None:
    with torch.device("meta"):
        network = DenseNet(blocks, 12, bottleneck=bottleneck, **CIFAR)
    assert len(list(of_kind(network, nn.Conv2d, nn.Linear))) == depth


def test_each_layer_sees_the_outputs_of_all_before_it() -> None:
    network = DenseNet([3, 2], 5, stem=4, compression=0.6, input_shape=(1, 8, 8), classes=3)
    inputs = [module.in_channels for module in of_kind(network, nn.Conv2d)]
    assert inputs == [1, 4, 9, 14, 19, 11, 16]  # the transition keeps 0.6 of 19, rounded down
    assert network.classifier.in_features == 21


def test_dropout_follows_each_dense_layer_and_no_transition() -> None:
    network = DenseNet([2, 2], 4, dropout=0.2, input_shape=(1, 8, 8), classes=3)
    assert [module.p for module in of_kind(network, nn.Dropout)] == [0.2] * 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocks": []}, r"blocks must hold at least one number of layers, got \[\]"),
        ({"blocks": [3, 0]}, "blocks must be a positive integer, got 0"),
        ({"compression": 0.0}, r"compression is a share of the channels, in \(0, 1\], got 0.0"),
        ({"dropout": -0.1}, r"dropout is a probability and must be in \[0, 1\), got -0.1"),
        (
            {"blocks": [1] * 5, "input_shape": [3, 8, 8]},
            "a DenseNet of 5 blocks needs images of at least 16x16",
        ),
    ],
)
def test_bad_arguments_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DenseNet(**{"blocks": [3, 3], "growth": 4, **CIFAR, **changes})
