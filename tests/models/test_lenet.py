import pytest
import torch
from torch import nn

from lossatlas.models import LeNet


def test_the_layers_have_the_sizes_that_lecun_et_al_give() -> None:
    """LeCun et al. 1998, section II.B: 156 weights in C1, 48,120 in C5, 10,164 in F6; the others as later."""
    network = LeNet(input_shape=(1, 32, 32), classes=10)
    weighted = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    sizes = [sum(p.numel() for p in layer.parameters()) for layer in weighted]
    assert sizes == [156, 16 * (6 * 25 + 1), 48_120, 10_164, 84 * 10 + 10]
    shapes, h = [], torch.zeros(1, 1, 32, 32)
    for layer in network.features:
        h = layer(h)
        if isinstance(layer, nn.Conv2d | nn.AvgPool2d):
            shapes.append(tuple(h.shape[1:]))
    assert shapes == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5)]  # C1, S2, C3, S4


@pytest.mark.parametrize(("side", "features"), [(32, 400), (28, 400), (8, 64), (4, 16), (36, 576)])
def test_smaller_images_are_padded(side: int, features: int) -> None:
    network = LeNet(input_shape=(3, side, side), classes=7)
    assert network.classifier[0].in_features == features
    assert network(torch.zeros(2, 3, side, side)).shape == (2, 7)


def test_activation_and_pooling_can_be_chosen() -> None:
    network = LeNet(input_shape=(1, 8, 8), classes=10, activation="relu", pooling="max")
    kinds = [type(module) for module in network.modules()]
    assert (kinds.count(nn.ReLU), kinds.count(nn.MaxPool2d)) == (4, 2)
    assert nn.Tanh not in kinds


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": "step"}, r"activation must be one of sigmoid, tanh, .*, got 'step'"),
        ({"pooling": "mean"}, "pooling must be one of average, max, got 'mean'"),
        ({"input_shape": [1, 3, 8]}, "a LeNet needs images of at least 4x4 pixels, got 3x8"),
    ],
)
def test_bad_arguments_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LeNet(**{"input_shape": (1, 8, 8), "classes": 10, **changes})
