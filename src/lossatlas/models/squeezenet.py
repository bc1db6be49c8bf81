"""SqueezeNet for small images."""

from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.models.squeezenet import Fire  # type: ignore[import-untyped]

from lossatlas.models.activations import activation_named, replace_activations
from lossatlas.models.checks import check_input, check_positive, check_probability

_LAYOUT = ("M", 1, 1, "M", 2, 2, "M", 3, 3, 4, 4)  # of SqueezeNet 1.1
_SQUEEZE = 4  # the expanding convolutions have four times the channels of the squeezing one
_LEAST = 2  # pixels a side that are left; a pooling that would leave fewer is left out


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1 with a plain stem. Maps images (B, C, H, W) to logits (B, classes).

    Iandola et al. 2016 (arXiv:1602.07360), version 1.1 with torchvision's fire modules: a 3x3 convolution to
    ``width`` channels; ``layout``, in which a number is a fire module that expands to so many multiples of ``width``
    by 1x1 and as many by 3x3 convolutions, squeezed to a quarter before, and "M" is 3x3 max-pooling of stride 2;
    dropout, a 1x1 convolution to the classes, ReLU, global average pooling. The stem has stride 1, where on ImageNet
    it has 2, and a pooling is left out where less than 2x2 pixels would remain: 32x32 are halved three times to 4x4,
    8x8 twice. ``batch_norm``, which SqueezeNet lacks: after the stem and after every fire module.
    ``activation``: in place of every ReLU, the last among them, by its name in `lossatlas.models.activations`.

    ValueError for a width that is no positive multiple of 4, another layout, or images of less than 2x2 pixels.

    >>> network = SqueezeNet(input_shape=(3, 32, 32), classes=1000)
    >>> sum(p.numel() for p in network.parameters())  # printed: 1.24M
    1235496
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        classes: int,
        width: int = 64,
        layout: Sequence[int | str] = _LAYOUT,
        batch_norm: bool = False,
        dropout: float = 0.5,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        check_positive(width=width)
        check_probability(dropout=dropout)
        active = activation_named(activation)
        if width % _SQUEEZE:
            raise ValueError(f"width must be a multiple of {_SQUEEZE}, got {width}")
        if any(item != "M" and (isinstance(item, str) or item < 1) for item in layout):
            raise ValueError(f'layout holds positive multiples of the width and "M", got {list(layout)}')
        channels, height, breadth = check_input(input_shape, classes, least=_LEAST, network="a SqueezeNet")
        side = min(height, breadth)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
        layers[1:1] = [nn.BatchNorm2d(width)] if batch_norm else []
        channels = width
        for item in layout:
            if not isinstance(item, str):
                expand = item * width
                layers.append(Fire(channels, expand // _SQUEEZE, expand, expand))
                channels = 2 * expand
                layers += [nn.BatchNorm2d(channels)] if batch_norm else []
            elif side // 2 >= _LEAST:
                layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
                side //= 2
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Conv2d(channels, classes, kernel_size=1), nn.ReLU(inplace=True)
        )
        replace_activations(self, nn.ReLU, active)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, classes) of ``images`` (B, C, H, W)."""
        return self.classifier(self.features(images)).mean((2, 3))
