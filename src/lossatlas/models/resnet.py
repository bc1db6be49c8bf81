"""Residual networks for small images, with or without their shortcuts."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from lossatlas.models.activations import ACTIVATIONS, activation_named
from lossatlas.models.checks import check_choice, check_input, check_positive, check_probability
from lossatlas.models.dropping import branch_depths, dropped

_STAGES = 3  # the image is halved between them: it needs 2**(_STAGES - 1) pixels a side


class _PaddedShortcut(nn.Module):
    """Option A of He et al.: every second pixel, and zeros for the channels that are not there."""

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.missing = out_channels - channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H / stride, W / stride)."""
        return functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.missing))


class ProjectedShortcut(nn.Sequential):
    """Option B of He et al.: 1x1 convolution with batch norm."""

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        super().__init__(
            nn.Conv2d(channels, out_channels, kernel_size=1, stride=stride, bias=False),
            nn.BatchNorm2d(out_channels),
        )


# What replaces the identity where a block changes the shape.
_SHORTCUTS: dict[str, type[nn.Module]] = {"A": _PaddedShortcut, "B": ProjectedShortcut}


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, added to ``shortcut``'s output where there is one."""

    def __init__(
        self,
        channels: int,
        out_channels: int,
        stride: int,
        shortcut: nn.Module | None,
        activation: Callable[[], nn.Module] = ACTIVATIONS["relu"],
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = shortcut
        self.activation = activation()
        self.dropout: nn.Module = nn.Identity()  # before the second convolution
        self.depth: nn.Module = nn.Identity()  # which may leave out the branch

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H / stride, W / stride)."""
        h = self.activation(self.bn1(self.conv1(x)))
        h = self.depth(self.bn2(self.conv2(self.dropout(h))))
        if self.shortcut is not None:
            h = h + self.shortcut(x)
        return self.activation(h)


class ResNet(nn.Module):
    """CIFAR residual network of 2b + 2 layers. Maps images (B, C, H, W) to logits (B, classes).

    He et al. 2016 (arXiv:1512.03385) section 4.2: a convolution, three stages of basic blocks with
    ``width``, 2 ``width`` and 4 ``width`` channels, global average pooling, a linear layer. The b blocks are
    spread evenly over the stages; He et al. have b = 3n. What is left over goes to the earlier stages: the
    "156 layers" of Li et al. 2018 (arXiv:1712.09913), which are not 6n + 2, are stages of 26, 26 and 25.

    ``width`` 16 k gives the wide networks of Li et al., whose stem is as wide as the first stage
    (`WideResNet` is the one of Zagoruyko & Komodakis). ``skip=False`` removes the shortcut of every block,
    identities and others (the "noshort" networks of Li et al.). ``shortcut``, where a block changes the
    shape: "A" pads with zeros (He et al.), "B" projects (Li et al.).
    ``activation``: in place of ReLU, by its name in `lossatlas.models.activations`.

    Rates at which values are dropped in training: ``dropout`` of what the second convolution of a block gets,
    ``spatial_dropout`` of whole maps there, ``input_dropout`` of pixels; ``stochastic_depth`` of the branch of the last
    block, those before it in proportion (`lossatlas.models.dropping`).

    ValueError if ``depth`` is not 2b + 2 with a block for each stage, for an unknown shortcut or activation, for rates
    that are no probabilities below 1, for a stochastic depth without shortcuts, or for images of less than 4x4 pixels.

    >>> network = ResNet(20, shortcut="A", input_shape=(3, 32, 32), classes=10)
    >>> sum(p.numel() for p in network.parameters())
    269722
    """

    def __init__(
        self,
        depth: int,
        *,
        input_shape: Sequence[int],
        classes: int,
        width: int = 16,
        skip: bool = True,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        spatial_dropout: float = 0.0,
        stochastic_depth: float = 0.0,
        shortcut: str = "B",
        activation: str = "relu",
    ) -> None:
        super().__init__()
        check_positive(depth=depth, width=width)
        blocks = _blocks_per_stage(depth)
        check_choice(_SHORTCUTS, shortcut=shortcut)
        active = activation_named(activation)
        least = 2 ** (_STAGES - 1)
        image_channels, _, _ = check_input(input_shape, classes, least=least, network="a ResNet")
        channels = [width, *(width * 2**stage for stage in range(_STAGES) for _ in range(blocks[stage]))]
        self.conv = nn.Conv2d(image_channels, width, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        replacement = _SHORTCUTS[shortcut] if skip else None
        self.activation = active()
        self.blocks = nn.Sequential(
            *(_block(c, c_out, replacement, active) for c, c_out in pairwise(channels))
        )
        self.classifier = nn.Linear(channels[-1], classes)
        check_probability(
            dropout=dropout,
            input_dropout=input_dropout,
            spatial_dropout=spatial_dropout,
            stochastic_depth=stochastic_depth,
        )
        self.input_dropout = dropped(input_dropout)
        depths = branch_depths(stochastic_depth, len(self.blocks), skip=skip)
        for block, depth_of_branch in zip(self.blocks, depths, strict=True):
            block.dropout = nn.Sequential(dropped(dropout), dropped(spatial_dropout, maps=True))
            block.depth = depth_of_branch

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, classes) of ``images`` (B, C, H, W)."""
        images = self.input_dropout(images)
        h = self.activation(self.bn(self.conv(images)))
        return self.classifier(self.blocks(h).mean((2, 3)))


def _block(
    channels: int,
    out_channels: int,
    replacement: type[nn.Module] | None,
    activation: Callable[[], nn.Module],
) -> BasicBlock:
    """Make a block; where it changes the shape, the shortcut is the ``replacement`` of the identity."""
    changes = out_channels != channels
    stride = 2 if changes else 1
    if replacement is None:
        return BasicBlock(channels, out_channels, stride, None, activation)
    shortcut = replacement(channels, out_channels, stride) if changes else nn.Identity()
    return BasicBlock(channels, out_channels, stride, shortcut, activation)


def _blocks_per_stage(depth: int) -> list[int]:
    """Number of blocks of each stage, the earlier ones taking what cannot be spread evenly."""
    blocks, rest = divmod(depth - 2, 2)
    if rest or blocks < _STAGES:
        nearest = " or ".join(str(2 * b + 2) for b in (blocks, blocks + 1) if b >= _STAGES)
        least = 2 * _STAGES + 2
        raise ValueError(f"depth must be even and >= {least}, got {depth}: nearest is {nearest or least}")
    each, left = divmod(blocks, _STAGES)
    return [each + (stage < left) for stage in range(_STAGES)]
