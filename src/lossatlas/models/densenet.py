"""Densely connected networks for small images."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lossatlas.models.activations import activation_named
from lossatlas.models.checks import check_choice, check_input, check_positive, check_probability
from lossatlas.models.dropping import dropped

_CHANNEL_ORDERS = {"lossatlas": "oldest first", "li2018": "newest first"}
_Activation = Callable[[], nn.Module]
_BOTTLENECK = 4  # channels of a bottleneck, in multiples of the growth


class _DenseLayer(nn.Sequential):
    """Batch norm, activation, 3x3 convolution, whose outputs join the inputs; before them perhaps a bottleneck."""

    def __init__(
        self,
        channels: int,
        growth: int,
        bottleneck: bool,
        dropout: float,
        *,
        newest_first: bool,
        activation: _Activation,
    ) -> None:
        layers: list[nn.Module] = []
        if bottleneck:
            layers += _convolution(channels, _BOTTLENECK * growth, 1, activation)
            channels = _BOTTLENECK * growth
        super().__init__(*layers, *_convolution(channels, growth, 3, activation), nn.Dropout(dropout))
        self.newest_first = newest_first

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C + growth, H, W)."""
        new = super().forward(x)
        return torch.cat([new, x] if self.newest_first else [x, new], dim=1)


class _Transition(nn.Sequential):
    """Batch norm, activation, a 1x1 convolution and 2x2 average pooling between two dense blocks."""

    def __init__(self, channels: int, out_channels: int, activation: _Activation) -> None:
        super().__init__(*_convolution(channels, out_channels, 1, activation), nn.AvgPool2d(2))


class DenseNet(nn.Module):
    """Densely connected network. Maps images (B, C, H, W) to logits (B, classes).

    Huang et al. 2017 (arXiv:1608.06993): a 3x3 convolution to ``stem`` channels; for each number in ``blocks`` a
    dense block of so many layers, each of which adds ``growth`` channels; a transition between two blocks, which
    keeps the share ``compression`` of the channels and halves the image; batch norm, ReLU, global average pooling,
    a linear layer. ``bottleneck``: a 1x1 convolution before each 3x3 one (DenseNet-B). ``dropout``: after each dense
    layer; ``spatial_dropout``: of whole maps there; ``input_dropout``: of pixels. ``activation``: after every batch
    norm, by its name in `lossatlas.models.activations`.

    ``convention``: "lossatlas" puts the channels that a layer adds behind those that it has got, as torchvision
    does; "li2018" puts them in front, as the code of Li et al. 2018 does. Both have tensors of the same shapes, and the
    weights of the one are another function in the other: ``channel_order`` says which it is, "oldest first" or "newest
    first". There is no further downsampling: DenseNet-121, with 7x7 convolution and pooling in front on ImageNet, has
    the plain stem here, as Li et al. 2018 train it on CIFAR.

    | network | blocks | growth | stem | bottleneck | compression |
    |---|---|---|---|---|---|
    | DenseNet-40 | 12, 12, 12 | 12 | 16 | no | 1 |
    | DenseNet-100 | 32, 32, 32 | 24 | 16 | no | 1 |
    | DenseNet-BC-100 | 16, 16, 16 | 12 | 24 | yes | 0.5 |
    | DenseNet-121 | 6, 12, 24, 16 | 32 | 64 | yes | 0.5 |

    ValueError for sizes that are not positive, a compression outside (0, 1], an unknown activation, or images that
    the transitions would leave without a pixel.

    >>> network = DenseNet([12, 12, 12], growth=12, input_shape=(3, 32, 32), classes=10)
    >>> sum(p.numel() for p in network.parameters())  # printed: 1.0M
    1019722
    """

    def __init__(
        self,
        blocks: Sequence[int],
        growth: int,
        *,
        input_shape: Sequence[int],
        classes: int,
        stem: int = 16,
        bottleneck: bool = False,
        compression: float = 1.0,
        input_dropout: float = 0.0,
        spatial_dropout: float = 0.0,
        dropout: float = 0.0,
        activation: str = "relu",
        convention: str = "lossatlas",
    ) -> None:
        super().__init__()
        check_choice(_CHANNEL_ORDERS, convention=convention)
        self.channel_order = _CHANNEL_ORDERS[convention]
        check_positive(blocks=blocks, growth=growth, stem=stem)
        check_probability(dropout=dropout)
        if not 0 < compression <= 1:
            raise ValueError(f"compression is a share of the channels, in (0, 1], got {compression}")
        if not blocks:
            raise ValueError("blocks must hold at least one number of layers, got []")
        least = 2 ** (len(blocks) - 1)
        name = f"a DenseNet of {len(blocks)} blocks"
        image_channels, _, _ = check_input(input_shape, classes, least=least, network=name)
        active = activation_named(activation)
        self.conv = nn.Conv2d(image_channels, stem, 3, padding=1, bias=False)
        self.blocks = nn.Sequential()
        channels = stem
        for index, layers in enumerate(blocks):
            if index > 0:
                kept = int(channels * compression)
                self.blocks.append(_Transition(channels, kept, active))
                channels = kept
            for _ in range(layers):
                newest_first = self.channel_order == "newest first"
                self.blocks.append(
                    _DenseLayer(
                        channels, growth, bottleneck, dropout, newest_first=newest_first, activation=active
                    )
                )
                channels += growth
        self.norm = nn.BatchNorm2d(channels)
        self.activation = active()
        self.classifier = nn.Linear(channels, classes)
        check_probability(input_dropout=input_dropout, spatial_dropout=spatial_dropout)
        self.input_dropout = dropped(input_dropout)
        if spatial_dropout:
            for layer in self.blocks:
                if isinstance(layer, _DenseLayer):
                    layer.add_module("map_dropout", dropped(spatial_dropout, maps=True))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, classes) of ``images`` (B, C, H, W)."""
        images = self.input_dropout(images)
        h = self.activation(self.norm(self.blocks(self.conv(images))))
        return self.classifier(h.mean((2, 3)))


def _convolution(channels: int, out_channels: int, kernel: int, activation: _Activation) -> list[nn.Module]:
    """Batch norm, activation and a convolution that keeps the image's size."""
    return [
        nn.BatchNorm2d(channels),
        activation(),
        nn.Conv2d(channels, out_channels, kernel, padding=kernel // 2, bias=False),
    ]
