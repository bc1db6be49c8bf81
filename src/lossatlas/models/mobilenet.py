"""MobileNetV2 for small images."""

from collections.abc import Sequence
from math import ceil

from torch import nn
from torchvision.models import mobilenetv2  # type: ignore[import-untyped]

from lossatlas.models.activations import activation_named, replace_activations
from lossatlas.models.checks import check_input, check_positive, check_probability

_LEAST = 2  # pixels a side that are left; a stride that would leave fewer is 1
# Expansion, channels, blocks, stride of each stage: table 2 of Sandler et al. with stride 1 in the second, as on CIFAR.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class MobileNetV2(mobilenetv2.MobileNetV2):
    """MobileNetV2 with CIFAR strides. Maps images (B, C, H, W) to logits (B, classes).

    Sandler et al. 2018 (arXiv:1801.04381), torchvision's, with stride 1 in the stem and in the second stage, so that
    images of 32x32 are halved three times to 4x4 and not five times. Smaller images are halved as long as 2x2 pixels
    are left: 8x8 twice. ``width``: factor of all channels, rounded to multiples of ``round_to``. ``depth``: factor of
    the number of blocks of each stage, rounded up; 1 is the paper's. ``activation``: "relu6" as in the paper, or
    another of `lossatlas.models.activations`. ``dropout``: of the inputs of the linear layer.

    ValueError for factors that are not positive, an unknown activation, or images of less than 2x2 pixels.

    >>> network = MobileNetV2(input_shape=(3, 32, 32), classes=1000)
    >>> sum(p.numel() for p in network.parameters())  # torchvision's, of which 3.4M are printed
    3504872
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        classes: int,
        width: float = 1.0,
        depth: float = 1.0,
        round_to: int = 8,
        activation: str = "relu6",
        dropout: float = 0.0,
    ) -> None:
        channels, height, breadth = check_input(input_shape, classes, least=_LEAST, network="a MobileNetV2")
        check_positive(round_to=round_to)
        check_probability(dropout=dropout)
        if width <= 0 or depth <= 0:
            raise ValueError(f"width and depth are factors and must be positive, got {width} and {depth}")
        active = activation_named(activation)
        super().__init__(
            num_classes=classes,
            width_mult=width,
            inverted_residual_setting=_stages(min(height, breadth), depth),
            round_nearest=round_to,
            dropout=dropout,
        )
        stem = nn.Conv2d(channels, self.features[0][0].out_channels, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(stem.weight, mode="fan_out")  # as torchvision draws all convolutions
        self.features[0][0] = stem
        replace_activations(self, nn.ReLU6, active)


def _stages(side: int, depth: float) -> list[list[int]]:
    """Torchvision's ``inverted_residual_setting`` for images of ``side`` pixels."""
    stages = []
    for expansion, channels, blocks, wanted in _STAGES:
        stride = wanted if -(-side // wanted) >= _LEAST else 1
        side = -(-side // stride)
        stages.append([expansion, channels, ceil(blocks * depth), stride])
    return stages
