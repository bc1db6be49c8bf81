import pytest
import torch
from torch import nn
from torchvision.models.vgg import make_layers, vgg16

from lossatlas.landscape import Engine, Problem, line
from lossatlas.models import VGG

NINE = [1, 1, "M", 2, 2, "M", 4, 4, 4, "M"]
SIXTEEN = [*NINE, 8, 8, 8, "M", 8, 8, 8, "M"]


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_convolutions_of_vgg16_are_torchvisions() -> None:
    """And so is their number of weights; Garipov et al. put FC 512, 512 and the classifier behind them."""
    with torch.device("meta"):
        ours = VGG(SIXTEEN, [8, 8], batch_norm=False, dropout=0.5, input_shape=[3, 32, 32], classes=10)
        theirs = vgg16()
    assert {k: v.shape for k, v in ours.features.state_dict().items()} == {
        k: v.shape for k, v in theirs.features.state_dict().items()
    }
    assert count(ours) == count(theirs.features) + 2 * (512 * 512 + 512) + 512 * 10 + 10 == 15_245_130


def test_the_features_are_what_torchvision_computes() -> None:
    ours = VGG(NINE, [4], width=8, batch_norm=False, input_shape=[3, 16, 16], classes=10)
    theirs = make_layers([8, 8, "M", 16, 16, "M", 32, 32, 32, "M"])
    theirs.load_state_dict(ours.features.state_dict())
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours.features(images), theirs(images))


def test_vgg9_has_nine_layers_with_batch_norm_after_all_but_the_last() -> None:
    network = VGG(NINE, [4], input_shape=[3, 32, 32], classes=10)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert [layer.weight.shape[0] for layer in layers] == [64, 64, 128, 128, 256, 256, 256, 256, 10]
    assert [norm.num_features for norm in norms] == [64, 64, 128, 128, 256, 256, 256, 256]
    assert layers[-2].in_features == 4096


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 14), (2, 32, 17)])
def test_the_classifier_fits_what_the_poolings_leave_of_any_image(shape: tuple) -> None:
    network = VGG(NINE, [4], width=2, input_shape=shape, classes=5)
    assert network(torch.zeros(2, *shape)).shape == (2, 5)


def test_dropout_is_in_front_of_each_hidden_layer_and_only_there() -> None:
    """As in the VGG-16 of Garipov et al."""
    network = VGG(NINE, [4, 4], width=2, batch_norm=False, dropout=0.5, input_shape=[1, 8, 8], classes=5)
    kinds = [type(layer).__name__ for layer in network.classifier]
    assert kinds == ["Dropout", "Linear", "ReLU"] * 2 + ["Linear"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"input_shape": [3, 16, 32]},
            "a VGG with 5 poolings needs images of at least 32x32 pixels, got 16x32",
        ),
        ({"layout": [1, "P"]}, "layout holds positive multiples of the width and .* got 'P'"),
        ({"layout": [1, 0]}, "layout holds positive multiples of the width and .* got 0"),
        ({"layout": ["M"]}, r"layout must hold at least one convolution, got \['M'\]"),
        ({"hidden": [-1]}, "hidden must be a positive integer, got -1"),
        ({"width": 0.5}, r"width must be a positive integer, got 0.5"),
        ({"dropout": 1.0}, r"dropout is a probability and must be in \[0, 1\), got 1.0"),
    ],
)
def test_bad_arguments_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VGG(**{"layout": SIXTEEN, "hidden": [4], "input_shape": [3, 32, 32], "classes": 10, **changes})


def test_batch_norm_stands_after_the_activation_where_that_is_wanted_and_folds_into_nothing() -> None:
    network = VGG([1, "M", 2], hidden=[2], width=4, input_shape=(1, 8, 8), classes=3, norm_position="after")
    kinds = [type(layer).__name__ for layer in (*network.features, *network.classifier)]
    expected = ["Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d", "Conv2d", "ReLU", "BatchNorm2d"]
    assert kinds == [*expected, "Linear", "ReLU", "BatchNorm1d", "Linear"]
    assert all(
        layer.bias is not None for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)
    )

    data = {"train": (torch.randn(32, 1, 8, 8), torch.arange(32) % 3)}
    for _ in range(3):
        network(data["train"][0])  # statistics that are not those of the start
    problem = Problem(network, nn.CrossEntropyLoss(), data)
    folded, plain = (line(problem, points=5, engine=Engine(fuse=fuse)).loss for fuse in (True, False))
    torch.testing.assert_close(
        torch.from_numpy(folded.values), torch.from_numpy(plain.values), rtol=1e-5, atol=1e-6
    )
