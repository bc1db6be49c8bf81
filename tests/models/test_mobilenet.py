import pytest
import torch
from torch import nn
from torchvision.models import MobileNetV2 as TorchvisionMobileNetV2

from lossatlas.models import MobileNetV2

CIFAR = {"input_shape": (3, 32, 32), "classes": 10}


def halvings(network: nn.Module) -> int:
    return sum(m.stride == (2, 2) for m in network.modules() if isinstance(m, nn.Conv2d))


def test_it_computes_what_torchvisions_does_once_that_has_the_same_strides() -> None:
    ours, theirs = MobileNetV2(**CIFAR), TorchvisionMobileNetV2(num_classes=10, dropout=0.0)
    theirs.load_state_dict(ours.state_dict())  # and so it has its parameters, by name and shape
    theirs.features[0][0].stride = (1, 1)
    theirs.features[2].conv[1][0].stride = (1, 1)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize(("side", "left"), [(32, 4), (28, 4), (16, 2), (9, 2), (8, 2), (4, 2), (2, 2)])
def test_images_are_halved_up_to_three_times_as_long_as_two_pixels_are_left(side: int, left: int) -> None:
    network = MobileNetV2(input_shape=(1, side, side), classes=10, width=0.1, depth=0.3)
    assert network.features(torch.zeros(1, 1, side, side)).shape[2:] == (left, left)
    assert halvings(network) <= 3


@pytest.mark.parametrize(("activation", "kind"), [("relu6", nn.ReLU6), ("relu", nn.ReLU)])
def test_the_activation_is_the_one_asked_for_everywhere(activation: str, kind: type[nn.Module]) -> None:
    network = MobileNetV2(**CIFAR, activation=activation)
    kinds = [type(module) for module in network.modules() if isinstance(module, nn.ReLU | nn.ReLU6)]
    assert kinds == [kind] * 35  # two in each of 17 blocks, one less in the first; the stem and the last


def test_the_depth_scales_the_blocks_of_each_stage() -> None:
    """Of 1, 2, 3, 4, 3, 3 and 1 blocks half are left, rounded up; the stem and the last convolution stay."""
    assert len(MobileNetV2(**CIFAR, depth=0.5).features) == 2 + (1 + 1 + 2 + 2 + 2 + 2 + 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": "step"}, r"activation must be one of sigmoid, tanh, .*, got 'step'"),
        ({"width": 0.0}, "width and depth are factors and must be positive, got 0.0 and 1.0"),
        ({"round_to": 0}, "round_to must be a positive integer, got 0"),
        ({"dropout": 1.5}, r"dropout is a probability and must be in \[0, 1\), got 1.5"),
        ({"input_shape": [3, 1, 32]}, "a MobileNetV2 needs images of at least 2x2 pixels, got 1x32"),
    ],
)
def test_bad_arguments_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MobileNetV2(**{**CIFAR, **changes})
