"""AlexNet for images of any size."""

from collections.abc import Sequence

from torch import Tensor, nn

from lossatlas.models.activations import activation_named
from lossatlas.models.checks import check_input, check_positive, check_probability
from lossatlas.models.mlp import fully_connected

_LAYOUT = ("M", (3, 5), "M", (6, 3), (4, 3), (4, 3), "M")  # multiples of the width and kernel, after the stem
_LEAST = 2  # pixels a side that are left; a pooling that would leave fewer is left out


class AlexNet(nn.Module):
    """AlexNet on one column. Maps images (B, C, H, W) to logits (B, classes).

    Krizhevsky et al. 2012 in the form of Krizhevsky 2014 (arXiv:1404.5997, footnote 1), which torchvision has too: a
    convolution to ``width`` channels, one of 5x5 to three times as many, three of 3x3 to six, four and four times as
    many; 3x3 max-pooling of stride 2 after the first, second and last; two hidden layers of ``hidden`` units.

    ``kernel``, ``stride`` and ``padding`` are the stem's: 11, 4 and 2 on ImageNet, 3, 1 and 1 by default, for small
    images. A pooling is left out where less than 2x2 pixels would remain: 32x32 are halved three times to 4x4, 8x8
    twice. ``batch_norm``, which AlexNet lacks: after every convolution and hidden layer, which then have no bias.
    ``dropout``: probability of dropping an input of a hidden layer. ``activation``: after each convolution and
    hidden layer, by its name in `lossatlas.models.activations`.

    ValueError for sizes that are not positive, an unknown activation, or images of which less than 2x2 pixels are left.

    >>> network = AlexNet(kernel=11, stride=4, padding=2, input_shape=(3, 224, 224), classes=1000)
    >>> sum(p.numel() for p in network.parameters())  # as torchvision's
    61100840
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        classes: int,
        width: int = 64,
        hidden: int = 4096,
        kernel: int = 3,
        stride: int = 1,
        padding: int = 1,
        batch_norm: bool = False,
        dropout: float = 0.5,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        check_positive(width=width, hidden=hidden, kernel=kernel, stride=stride)
        check_probability(dropout=dropout)
        if padding < 0:
            raise ValueError(f"padding must be >= 0, got {padding}")
        active = activation_named(activation)
        least = max((_LEAST - 1) * stride + kernel - 2 * padding, 1)
        channels, *sides = check_input(input_shape, classes, least=least, network="this AlexNet")
        sides = [(side + 2 * padding - kernel) // stride + 1 for side in sides]

        def convolution(inputs: int, outputs: int, size: int, step: int, around: int) -> list[nn.Module]:
            norm = [nn.BatchNorm2d(outputs)] if batch_norm else []
            return [nn.Conv2d(inputs, outputs, size, step, around, bias=not batch_norm), *norm, active()]

        layers = convolution(channels, width, kernel, stride, padding)
        channels = width
        for item in _LAYOUT:
            if not isinstance(item, str):
                multiple, size = item
                layers += convolution(channels, multiple * width, size, 1, size // 2)
                channels = multiple * width
            elif min(sides) // 2 >= _LEAST:
                layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
                sides = [side // 2 for side in sides]
        self.features = nn.Sequential(*layers)
        units = [channels * sides[0] * sides[1], hidden, hidden]
        self.classifier = nn.Sequential(
            *fully_connected(units, classes, batch_norm, dropout, activation=active)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, classes) of ``images`` (B, C, H, W)."""
        return self.classifier(self.features(images).flatten(1))
