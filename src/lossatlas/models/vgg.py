"""VGG networks for small images."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from lossatlas.models.activations import activation_named
from lossatlas.models.checks import check_choice, check_input, check_positive, check_probability
from lossatlas.models.dropping import dropped, with_dropout
from lossatlas.models.mlp import fully_connected, in_position, keeps_bias


class _Convention(NamedTuple):
    """What codes with batch norm do differently."""

    bias: bool  # of the layers before batch norm, which takes it out again
    hidden: bool  # batch norm after the hidden layers too


_CONVENTIONS = {
    "lossatlas": _Convention(bias=False, hidden=True),
    "li2018": _Convention(bias=True, hidden=True),
    "garipov2018": _Convention(bias=True, hidden=False),
}


class VGG(nn.Module):
    """Plain stack of 3x3 convolutions and 2x2 max-pooling. Maps images (B, C, H, W) to logits (B, classes).

    Simonyan & Zisserman 2015 (arXiv:1409.1556), for CIFAR. ``width`` is the number of channels of the first
    layer, and ``layout`` and ``hidden`` count in multiples of it, so that one number scales the network:

    - ``layout``: the channels of each convolution, and "M" for each pooling;
    - ``hidden``: the units of each fully connected layer before the classifier.

    ``input_dropout``, ``spatial_dropout``: rates at which pixels are dropped in training, and whole maps that a
    convolution gets from another.

    ``batch_norm``: after every convolution and hidden layer, ``norm_position`` "before" the activation, when they have
    no bias of their own, or "after" it.
    ``dropout``: probability of dropping an input of a hidden layer. ``activation``: after each convolution and hidden
    layer, by its name in `lossatlas.models.activations`. ``convention``: what codes with batch norm do
    differently: with "li2018" the layers before it keep their biases; with "garipov2018" they do, and hidden layers
    have no batch norm.

    VGG-9 of Li et al. 2018 (arXiv:1712.09913) is ``layout=[1, 1, "M", 2, 2, "M", 4, 4, 4, "M"], hidden=[4]``,
    width 64, with batch norm. VGG-16 of Garipov et al. 2018 (arXiv:1802.10026) has two hidden layers of 512,
    dropout 0.5 and no batch norm; VGG-19 has four convolutions where that has three.

    ValueError for a layout that is no such list, for an unknown activation, or for images that the poolings would
    leave without a pixel.

    >>> layout = [1, 1, "M", 2, 2, "M", 4, 4, 4, "M"]
    >>> VGG(layout, hidden=[4], input_shape=(3, 32, 32), classes=10).classifier[0]
    Linear(in_features=4096, out_features=256, bias=False)
    """

    def __init__(
        self,
        layout: Sequence[int | str],
        hidden: Sequence[int],
        *,
        input_shape: Sequence[int],
        classes: int,
        width: int = 64,
        batch_norm: bool = True,
        norm_position: str = "before",
        input_dropout: float = 0.0,
        spatial_dropout: float = 0.0,
        dropout: float = 0.0,
        activation: str = "relu",
        convention: str = "lossatlas",
    ) -> None:
        super().__init__()
        check_choice(_CONVENTIONS, convention=convention)
        rules = _CONVENTIONS[convention]
        _check_layout(layout)
        check_positive(width=width, hidden=hidden)
        check_probability(dropout=dropout)
        convolutions = [width * item for item in layout if not isinstance(item, str)]
        poolings = len(layout) - len(convolutions)
        name = f"a VGG with {poolings} poolings"
        channels, height, breadth = check_input(input_shape, classes, least=2**poolings, network=name)
        features = convolutions[-1] * (height >> poolings) * (breadth >> poolings)
        units = [features, *(width * multiple for multiple in hidden)]
        active = activation_named(activation)
        self.features = _convolutions(
            channels,
            layout,
            width,
            batch_norm,
            bias=rules.bias or keeps_bias(batch_norm, norm_position),
            norm_position=norm_position,
            activation=active,
        )
        check_probability(input_dropout=input_dropout, spatial_dropout=spatial_dropout)
        self.input_dropout = dropped(input_dropout)
        self.features = with_dropout(self.features, spatial_dropout, maps=True)
        hidden_norm = batch_norm and rules.hidden
        self.classifier = nn.Sequential(
            *fully_connected(
                units,
                classes,
                hidden_norm,
                dropout,
                bias=rules.bias or keeps_bias(hidden_norm, norm_position),
                norm_position=norm_position,
                activation=active,
            )
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, classes) of ``images`` (B, C, H, W)."""
        return self.classifier(self.features(self.input_dropout(images)).flatten(1))


def _convolutions(
    channels: int,
    layout: Sequence[int | str],
    width: int,
    batch_norm: bool,
    *,
    bias: bool,
    norm_position: str,
    activation: Callable[[], nn.Module],
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for item in layout:
        if isinstance(item, str):
            layers.append(nn.MaxPool2d(2))
            continue
        layers.append(nn.Conv2d(channels, width * item, kernel_size=3, padding=1, bias=bias))
        norms: list[nn.Module] = [nn.BatchNorm2d(width * item)] if batch_norm else []
        layers += in_position(norms, activation(), norm_position)
        channels = width * item
    return nn.Sequential(*layers)


def _check_layout(layout: Sequence[int | str]) -> None:
    for item in layout:
        if item != "M" and (isinstance(item, str) or item < 1):
            raise ValueError(
                f'layout holds positive multiples of the width and "M" for pooling, got {item!r}'
            )
    if set(layout) <= {"M"}:
        raise ValueError(f"layout must hold at least one convolution, got {list(layout)}")
