"""AlexNet beside torchvision's."""

import pytest
import torch
from torchvision.models import alexnet

from lossatlas.models import AlexNet, SqueezeNet

IMAGENET = {"input_shape": (3, 224, 224), "classes": 1000}
CIFAR = {"input_shape": (3, 32, 32), "classes": 10}


@torch.no_grad()
def test_it_computes_what_torchvisions_does_at_the_size_of_imagenet() -> None:
    ours, theirs = AlexNet(kernel=11, stride=4, padding=2, **IMAGENET).eval(), alexnet().eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize("size", [IMAGENET, CIFAR])
def test_it_has_some_fifty_times_the_parameters_of_squeezenet(size: dict) -> None:
    stem = {"kernel": 11, "stride": 4, "padding": 2} if size is IMAGENET else {}
    with torch.device("meta"):
        networks = AlexNet(**stem, **size), SqueezeNet(**size)
    large, small = (sum(p.numel() for p in network.parameters()) for network in networks)
    assert 49 < large / small < 50


@pytest.mark.parametrize(("side", "left"), [(32, 4), (17, 2), (8, 2), (7, 3), (3, 3), (2, 2)])
def test_images_are_halved_up_to_three_times_as_long_as_two_pixels_are_left(side: int, left: int) -> None:
    network = AlexNet(width=2, hidden=4, input_shape=(1, side, side), classes=10)
    assert network.features(torch.zeros(1, 1, side, side)).shape[2:] == (left, left)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "width must be a positive integer, got 0"),
        ({"hidden": 0}, "hidden must be a positive integer, got 0"),
        ({"padding": -1}, "padding must be >= 0, got -1"),
        ({"dropout": 1.0}, r"dropout is a probability and must be in \[0, 1\), got 1.0"),
        ({"activation": "rely"}, "activation must be one of sigmoid, "),
        ({"input_shape": [3, 32, 1]}, "this AlexNet needs images of at least 2x2 pixels, got 32x1"),
        (
            {"kernel": 11, "stride": 4, "padding": 2, "input_shape": [3, 8, 8]},
            "images of at least 11x11 pixels, got 8x8",
        ),
    ],
)
def test_bad_arguments_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AlexNet(**{**CIFAR, **changes})


def test_batch_norm_follows_every_layer_but_the_last() -> None:
    network = AlexNet(width=2, hidden=4, batch_norm=True, **CIFAR)
    kinds = [type(layer).__name__ for part in (network.features, network.classifier) for layer in part]
    weighted = [number for number, kind in enumerate(kinds) if kind in ("Conv2d", "Linear")]
    assert [kinds[number + 1] for number in weighted[:-1]] == 5 * ["BatchNorm2d"] + 2 * ["BatchNorm1d"]
    biased = [name for name, _ in network.named_parameters() if name.endswith("bias")]
    assert len(biased) == len(weighted)  # those of batch norm, and of the last layer
