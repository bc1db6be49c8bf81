"""SqueezeNet for small images."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lossatlas.models.activations import activation_named, replace_activations
from lossatlas.models.checks import check_choice, check_input, check_positive, check_probability

_LAYOUT = ("M", 1, 1, "M", 2, 2, "M", 3, 3, 4, 4)  # of SqueezeNet 1.1
_BYPASSES = ("none", "simple", "complex")
_LEAST = 2  # pixels a side that are left; a pooling that would leave fewer is left out


class Fire(nn.Module):
    """Fire module: 1x1 convolutions that squeeze, then 1x1 and 3x3 ones side by side that expand what is left.

    Layers have the names of torchvision's. ``s1x1``, ``e1x1``, ``e3x3``: channels of each convolution, which there is
    none of for 0. ``bypass``: a path around the module, whose outputs are added to its own; None: none.

    >>> fire = Fire(8, s1x1=2, e1x1=4, e3x3=4, bypass=nn.Identity())
    >>> fire(torch.zeros(1, 8, 5, 5)).shape
    torch.Size([1, 8, 5, 5])
    """

    def __init__(
        self, channels: int, *, s1x1: int, e1x1: int, e3x3: int, bypass: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, s1x1, 1) if s1x1 else nn.Identity()
        self.squeeze_activation = nn.ReLU(inplace=True) if s1x1 else nn.Identity()
        channels = s1x1 or channels
        self.expand1x1 = nn.Conv2d(channels, e1x1, 1) if e1x1 else None
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(channels, e3x3, 3, padding=1) if e3x3 else None
        self.expand3x3_activation = nn.ReLU(inplace=True)
        self.bypass = bypass

    def forward(self, maps: Tensor) -> Tensor:
        """Return (B, e1x1 + e3x3, H, W) of ``maps`` (B, C, H, W)."""
        squeezed = self.squeeze_activation(self.squeeze(maps))
        expanding = (self.expand1x1, self.expand1x1_activation), (self.expand3x3, self.expand3x3_activation)
        parts = [active(expand(squeezed)) for expand, active in expanding if expand is not None]
        expanded = torch.cat(parts, 1)
        return expanded if self.bypass is None else expanded + self.bypass(maps)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1 with a plain stem. Maps images (B, C, H, W) to logits (B, classes).

    Iandola et al. 2016 (arXiv:1602.07360), version 1.1: a 3x3 convolution to ``width`` channels; ``layout``, in which
    a number is a fire module, counted in so many multiples of ``width``, and "M" is 3x3 max-pooling of stride 2;
    dropout, a 1x1 convolution to the classes, ReLU, global average pooling. The stem has stride 1, where on ImageNet
    it has 2, and a pooling is left out where less than 2x2 pixels would remain: 32x32 are halved three times to 4x4,
    8x8 twice.

    Of a fire module, in multiples of its number times ``width``: ``s1x1``, channels that 1x1 convolutions squeeze to,
    ``e1x1`` and ``e3x3``, channels of the 1x1 and 3x3 convolutions that expand these. So the paper's rules are switched
    off one by one: ``e1x1=0, e3x3=2`` has 3x3 filters alone, ``s1x1=None`` squeezes nothing, a ``layout`` with its
    poolings in front halves the maps early.
    ``bypass``: "simple" adds a fire module's input to its output where both have as many channels, "complex" also
    where they have not, by way of a 1x1 convolution (figure 2 there).
    ``batch_norm``, which SqueezeNet lacks: after the stem and after every fire module.
    ``activation``: in place of every ReLU, the last among them, by its name in `lossatlas.models.activations`.

    ValueError for shares of the width that are no whole numbers of channels, a fire module that expands to nothing,
    another layout, another bypass or one that no fire module can have, or images of less than 2x2 pixels.

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
        s1x1: float | None = 0.25,
        e1x1: float = 1.0,
        e3x3: float = 1.0,
        bypass: str = "none",
        batch_norm: bool = False,
        dropout: float = 0.5,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        check_positive(width=width)
        check_probability(dropout=dropout)
        check_choice(_BYPASSES, bypass=bypass)
        active = activation_named(activation)
        if any(item != "M" and (isinstance(item, str) or item < 1) for item in layout):
            raise ValueError(f'layout holds positive multiples of the width and "M", got {list(layout)}')
        channels, height, breadth = check_input(input_shape, classes, least=_LEAST, network="a SqueezeNet")
        side = min(height, breadth)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
        layers[1:1] = [nn.BatchNorm2d(width)] if batch_norm else []
        channels = width
        for item in layout:
            if not isinstance(item, str):
                sizes = _channels(item * width, s1x1=s1x1, e1x1=e1x1, e3x3=e3x3)
                outputs = sizes["e1x1"] + sizes["e3x3"]
                layers.append(Fire(channels, **sizes, bypass=_bypass(bypass, channels, outputs)))
                channels = outputs
                layers += [nn.BatchNorm2d(channels)] if batch_norm else []
            elif side // 2 >= _LEAST:
                layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
                side //= 2
        if bypass == "simple" and not any(isinstance(layer, Fire) and layer.bypass for layer in layers):
            raise ValueError(
                f"bypass='simple' adds inputs of as many channels as the outputs, which no fire module of layout "
                f"{list(layout)} has: expected 'none' or 'complex'"
            )
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Conv2d(channels, classes, kernel_size=1), nn.ReLU(inplace=True)
        )
        replace_activations(self, nn.ReLU, active)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, classes) of ``images`` (B, C, H, W)."""
        return self.classifier(self.features(images)).mean((2, 3))


def _channels(base: int, **shares: float | None) -> dict[str, int]:
    """How many channels each share of ``base`` is; None is 0.

    >>> _channels(16, s1x1=0.25, e1x1=0, e3x3=2)
    {'s1x1': 4, 'e1x1': 0, 'e3x3': 32}
    """
    found = {}
    for name, share in shares.items():
        count = 0.0 if share is None else share * base
        least = 1 if name == "s1x1" and share is not None else 0
        if count != int(count) or count < least:
            raise ValueError(
                f"{name}={share} of a fire module of {base} channels is {count:g}: expected a whole number >= {least}"
            )
        found[name] = int(count)
    if not found["e1x1"] + found["e3x3"]:
        raise ValueError(
            "e1x1=0 and e3x3=0 leave a fire module without outputs: expected one of them above 0"
        )
    return found


def _bypass(kind: str, channels: int, outputs: int) -> nn.Module | None:
    """The path around a fire module."""
    if kind == "none" or (kind == "simple" and channels != outputs):
        return None
    return nn.Identity() if channels == outputs else nn.Conv2d(channels, outputs, 1)
