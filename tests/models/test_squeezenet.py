import pytest
import torch
from torch import nn
from torchvision.models import squeezenet1_1

from lossatlas.models import SqueezeNet

CIFAR = {"input_shape": (3, 32, 32), "classes": 10}


@torch.no_grad()
def test_it_computes_what_torchvisions_does_once_that_has_the_same_stem() -> None:
    ours, theirs = SqueezeNet(**CIFAR).eval(), squeezenet1_1(num_classes=10).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    theirs.features[0].stride, theirs.features[0].padding = (1, 1), (1, 1)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize(("side", "left"), [(32, 4), (17, 2), (8, 2), (7, 3), (3, 3), (2, 2)])
def test_images_are_halved_up_to_three_times_as_long_as_two_pixels_are_left(side: int, left: int) -> None:
    network = SqueezeNet(width=4, input_shape=(1, side, side), classes=10)
    assert network.features(torch.zeros(1, 1, side, side)).shape[2:] == (left, left)


def test_batch_norm_follows_the_stem_and_every_fire_module() -> None:
    network = SqueezeNet(width=4, layout=[1, "M", 2], batch_norm=True, **CIFAR)
    kinds = [type(layer).__name__ for layer in network.features]
    assert kinds == [
        "Conv2d",
        "BatchNorm2d",
        "ReLU",
        "Fire",
        "BatchNorm2d",
        "MaxPool2d",
        "Fire",
        "BatchNorm2d",
    ]
    norms = [layer.num_features for layer in network.features if isinstance(layer, nn.BatchNorm2d)]
    assert norms == [4, 8, 16]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 6}, "width must be a multiple of 4, got 6"),
        ({"layout": [1, "P"]}, r'layout holds positive multiples of the width and "M", got \[1, \'P\'\]'),
        ({"layout": [0]}, r'layout holds positive multiples of the width and "M", got \[0\]'),
        ({"dropout": 1.0}, r"dropout is a probability and must be in \[0, 1\), got 1.0"),
        ({"input_shape": [3, 32, 1]}, "a SqueezeNet needs images of at least 2x2 pixels, got 32x1"),
    ],
)
def test_bad_arguments_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SqueezeNet(**{**CIFAR, **changes})
