"""Networks whose units can be followed, of every kind of layer and joint."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lossatlas.models import (
    MLP,
    VGG,
    DenseNet,
    LeNet,
    MobileNetV2,
    PreActResNet,
    ResNet,
    SqueezeNet,
    WideResNet,
)

IMAGES: dict[str, Any] = {"input_shape": (2, 8, 8), "classes": 3}


class Branches(nn.Module):
    """Joins, pooling and flattening by functions; a residual stream whose weights have it on both axes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 3, 1)
        self.small = nn.Conv2d(3, 4, 1)
        self.large = nn.Conv2d(3, 5, 3, padding=1)
        self.norm = nn.BatchNorm1d(9 * 4)
        self.inner = nn.Linear(9 * 4, 6)
        self.stream = nn.Linear(6, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = functional.max_pool2d(functional.relu(self.stem(x)), 2)
        both = torch.cat([self.small(h), self.large(h)], dim=1)
        flat = functional.avg_pool2d(functional.leaky_relu(both), 2).view(x.size(0), -1)
        h = torch.tanh(self.inner(self.norm(flat)))
        return self.head(h + torch.sigmoid(self.stream(h)))


class Series(nn.Module):
    """Convolutions over time, of which one takes each channel by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(2, 4, 3, padding=1)
        self.each = nn.Conv1d(4, 4, 3, padding=1, groups=4)
        self.norm = nn.BatchNorm1d(4)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.norm(self.each(torch.relu(self.first(x[:, :, 0]))))).mean(-1))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "MLP": lambda: MLP([8, 6], **IMAGES),
    "MLP with batch norm": lambda: MLP([8, 6], batch_norm=True, **IMAGES),
    "VGG": lambda: VGG([1, "M", 2, "M"], [2], width=4, **IMAGES),
    "VGG with dropout": lambda: VGG([1, "M", 2, "M"], [2], width=4, batch_norm=False, dropout=0.5, **IMAGES),
    "ResNet A": lambda: ResNet(8, width=4, shortcut="A", **IMAGES),
    "ResNet B": lambda: ResNet(14, width=4, shortcut="B", **IMAGES),
    "ResNet without skips": lambda: ResNet(8, width=4, skip=False, **IMAGES),
    "pre-activation ResNet": lambda: PreActResNet(11, width=4, bottleneck=True, **IMAGES),
    "wide ResNet": lambda: WideResNet(10, 2, width=4, **IMAGES),
    "DenseNet": lambda: DenseNet([2, 2], growth=3, stem=4, bottleneck=True, compression=0.5, **IMAGES),
    "MobileNet": lambda: MobileNetV2(width=0.1, round_to=2, **IMAGES),
    "SqueezeNet": lambda: SqueezeNet(width=8, **IMAGES),
    "SqueezeNet with bypasses": lambda: SqueezeNet(width=8, layout=[1, 1, 2], bypass="complex", **IMAGES),
    "LeNet": lambda: LeNet(**IMAGES),
    "branches": Branches,
    "series": Series,
}
