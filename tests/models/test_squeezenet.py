from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import squeezenet1_1

from lossatlas.models import SqueezeNet
from lossatlas.models.squeezenet import Fire

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
        ({"width": 6}, "s1x1=0.25 of a fire module of 6 channels is 1.5: expected a whole number >= 1"),
        ({"s1x1": 0}, "s1x1=0 of a fire module of 64 channels is 0: expected a whole number >= 1"),
        ({"e3x3": -1}, "e3x3=-1 of a fire module of 64 channels is -64: expected a whole number >= 0"),
        ({"e1x1": 0, "e3x3": 0}, "e1x1=0 and e3x3=0 leave a fire module without outputs"),
        ({"bypass": "some"}, "bypass must be one of none, simple, complex, got 'some'"),
        (
            {"bypass": "simple", "layout": [1, "M", 2]},
            "which no fire module of layout .* has: expected 'none' or",
        ),
        ({"layout": [1, "P"]}, r'layout holds positive multiples of the width and "M", got \[1, \'P\'\]'),
        ({"layout": [0]}, r'layout holds positive multiples of the width and "M", got \[0\]'),
        ({"dropout": 1.0}, r"dropout is a probability and must be in \[0, 1\), got 1.0"),
        ({"input_shape": [3, 32, 1]}, "a SqueezeNet needs images of at least 2x2 pixels, got 32x1"),
    ],
)
def test_bad_arguments_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SqueezeNet(**{**CIFAR, **changes})


def fires(**options: Any) -> list[Fire]:
    network = SqueezeNet(width=8, layout=[1, 1, 2], **options, **CIFAR)
    return [layer for layer in network.features if isinstance(layer, Fire)]


def test_fire_modules_have_the_shares_of_the_width_that_are_asked_for() -> None:
    shapes = {
        name: tuple(tensor.shape) for name, tensor in fires(s1x1=0.5, e1x1=1, e3x3=1.5)[2].named_parameters()
    }
    assert shapes == {
        "squeeze.weight": (8, 20, 1, 1),
        "squeeze.bias": (8,),
        "expand1x1.weight": (16, 8, 1, 1),
        "expand1x1.bias": (16,),
        "expand3x3.weight": (24, 8, 3, 3),
        "expand3x3.bias": (24,),
    }


def test_without_a_squeeze_or_a_kind_of_filter_there_is_no_such_layer() -> None:
    assert [name for name, _ in fires(s1x1=None, e1x1=0, e3x3=2)[1].named_parameters()] == [
        "expand3x3.weight",
        "expand3x3.bias",
    ]
    assert fires(s1x1=None, e1x1=0, e3x3=2)[1].expand3x3.weight.shape == (16, 16, 3, 3)


def test_a_simple_bypass_is_a_wire_where_channels_agree_and_a_complex_one_has_weights_elsewhere() -> None:
    kinds = {
        bypass: [type(fire.bypass) for fire in fires(bypass=bypass)]
        for bypass in ("none", "simple", "complex")
    }
    assert kinds == {
        "none": [type(None)] * 3,
        "simple": [type(None), nn.Identity, type(None)],
        "complex": [nn.Conv2d, nn.Identity, nn.Conv2d],
    }


@torch.no_grad()
@pytest.mark.parametrize(("bypass", "s1x1"), [("simple", 0.25), ("complex", 0.25), ("complex", None)])
def test_what_bypasses_a_fire_module_is_added_to_its_outputs(bypass: str, s1x1: float | None) -> None:
    for fire in fires(bypass=bypass, s1x1=s1x1):
        maps = torch.randn(2, _channels_into(fire), 5, 5)
        whole, around, fire.bypass = fire(maps.clone()), fire.bypass, None
        added = 0 if around is None else around(maps)
        torch.testing.assert_close(whole, fire(maps.clone()) + added)


def _channels_into(fire: Fire) -> int:
    first = fire.squeeze if isinstance(fire.squeeze, nn.Conv2d) else fire.expand3x3
    return first.in_channels
