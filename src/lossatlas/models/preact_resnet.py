"""Residual networks that normalise and rectify before each convolution, and the wide ones among them."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from lossatlas.models.activations import ACTIVATIONS, activation_named
from lossatlas.models.checks import check_choice, check_input, check_positive, check_probability
from lossatlas.models.dropping import branch_depths, dropped

_STAGES = 3  # of the networks for CIFAR
_EXPANSION = 4  # of a bottleneck's inner channels to its outputs


class _Convention(NamedTuple):
    """What codes do differently."""

    bias: bool = False  # of all convolutions
    projects_input: bool = (
        False  # by a shortcut, where the shape changes; else what the first norm and ReLU give
    )
    stride_last: bool = False  # the last 3x3 convolution has the stride, else the first
    momentum: float = 0.1  # with which the last batch norm updates its statistics


_OURS = _Convention()


class PreActivationBlock(nn.Module):
    """Convolutions, each after batch norm and ReLU, added to their input where there is a shortcut.

    ``kernels`` are the convolutions' sizes and ``channels``, one more, those of the input and of each output.
    The first 3x3 convolution has the stride. Where the shape changes, the shortcut projects what the first batch
    norm and ReLU give. ``rules``: what codes do differently.
    """

    def __init__(
        self,
        channels: Sequence[int],
        kernels: Sequence[int],
        stride: int,
        *,
        skip: bool,
        dropout: float,
        rules: _Convention = _OURS,
        activation: Callable[[], nn.Module] = ACTIVATIONS["relu"],
    ) -> None:
        super().__init__()
        spatial = (
            max(k for k, size in enumerate(kernels) if size == 3) if rules.stride_last else kernels.index(3)
        )
        strides = [stride if layer == spatial else 1 for layer in range(len(kernels))]
        self.norms = nn.ModuleList(nn.BatchNorm2d(c) for c in channels[:-1])
        self.convolutions = nn.ModuleList(
            nn.Conv2d(c, c_out, kernel, stride=step, padding=kernel // 2, bias=rules.bias)
            for (c, c_out), kernel, step in zip(pairwise(channels), kernels, strides, strict=True)
        )
        self.activation = activation()
        self.dropout = nn.Dropout(dropout)  # before the last convolution
        changes = channels[0] != channels[-1] or stride != 1
        project = nn.Conv2d(channels[0], channels[-1], 1, stride=stride, bias=rules.bias) if changes else None
        self.projection = project if skip else None
        self.projects_input = rules.projects_input
        self.skip = skip
        self.map_dropout: nn.Module = nn.Identity()  # with the other dropout
        self.depth: nn.Module = nn.Identity()  # which may leave out the branch

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H / stride, W / stride)."""
        first = h = self.activation(self.norms[0](x))
        last = len(self.convolutions) - 1
        for layer, convolution in enumerate(self.convolutions):
            if layer > 0:
                h = self.activation(self.norms[layer](h))
            h = convolution(self.map_dropout(self.dropout(h)) if layer == last else h)
        h = self.depth(h)
        if not self.skip:
            return h
        if self.projection is None:
            return h + x
        return h + self.projection(x if self.projects_input else first)


class PreActResNet(nn.Module):
    """Pre-activation CIFAR residual network. Maps images (B, C, H, W) to logits (B, classes).

    He et al. 2016b (arXiv:1603.05027): a convolution to ``stem`` channels (default: ``width``), three stages of
    n blocks with ``width``, 2 ``width`` and 4 ``width`` channels, batch norm, ReLU, global average pooling, a linear
    layer. A block is two 3x3 convolutions, and the depth 6n + 2; with ``bottleneck`` a 1x1, a 3x3 and a 1x1
    convolution with four times the output channels, and the depth 9n + 2. ``stages``: in place of three, each twice as
    wide as the one before; four of them with n = 2 and ``width`` 64 are the ResNet-18 of Zhang et al. 2018
    (arXiv:1710.09412). ``skip=False`` removes the shortcut of every block. ``dropout``: before the last convolution
    of each block; ``spatial_dropout``: of whole maps there; ``input_dropout``: of pixels; ``stochastic_depth``: of the
    branch of the last block, those before it in proportion (`lossatlas.models.dropping`). ``activation``: in place of
    ReLU, by its name in `lossatlas.models.activations`. ``convention``: "garipov2018" has the shortcuts project their
    input itself, as the code of Garipov et al. 2018 (arXiv:1802.10026) does, whose PreResNet-110 has bottlenecks.

    ValueError for another depth, rates that are no probabilities below 1, a stochastic depth without
    shortcuts, or images of less than 2^(``stages`` - 1) pixels a side.

    >>> network = PreActResNet(164, bottleneck=True, input_shape=(3, 32, 32), classes=10)
    >>> sum(p.numel() for p in network.parameters())
    1703258
    """

    _CONVENTIONS: ClassVar[dict[str, _Convention]] = {
        "lossatlas": _OURS,
        "garipov2018": _Convention(projects_input=True),
    }

    def __init__(
        self,
        depth: int,
        *,
        input_shape: Sequence[int],
        classes: int,
        width: int = 16,
        stem: int | None = None,
        bottleneck: bool = False,
        skip: bool = True,
        input_dropout: float = 0.0,
        spatial_dropout: float = 0.0,
        stochastic_depth: float = 0.0,
        dropout: float = 0.0,
        activation: str = "relu",
        convention: str = "lossatlas",
        stages: int = _STAGES,
    ) -> None:
        super().__init__()
        check_choice(self._CONVENTIONS, convention=convention)
        rules = self._CONVENTIONS[convention]
        active = activation_named(activation)
        stem = width if stem is None else stem
        check_positive(depth=depth, width=width, stem=stem, stages=stages)
        check_probability(dropout=dropout)
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        blocks = _blocks_per_stage(depth, len(kernels), stages)
        least = 2 ** (stages - 1)  # the image is halved between stages
        image_channels, _, _ = check_input(input_shape, classes, least=least, network="a ResNet")
        self.conv = nn.Conv2d(image_channels, stem, 3, padding=1, bias=rules.bias)
        self.blocks = nn.Sequential()
        channels = stem
        for stage in range(stages):
            inner = width * 2**stage
            outputs = inner * (_EXPANSION if bottleneck else 1)
            for block in range(blocks):
                sizes = [channels, *[inner] * (len(kernels) - 1), outputs]
                stride = 2 if stage > 0 and block == 0 else 1
                self.blocks.append(
                    PreActivationBlock(
                        sizes, kernels, stride, skip=skip, dropout=dropout, rules=rules, activation=active
                    )
                )
                channels = outputs
        self.norm = nn.BatchNorm2d(channels, momentum=rules.momentum)
        self.activation = active()
        self.classifier = nn.Linear(channels, classes)
        check_probability(
            input_dropout=input_dropout, spatial_dropout=spatial_dropout, stochastic_depth=stochastic_depth
        )
        self.input_dropout = dropped(input_dropout)
        depths = branch_depths(stochastic_depth, len(self.blocks), skip=skip)
        for each, depth_of_branch in zip(self.blocks, depths, strict=True):
            each.map_dropout = dropped(spatial_dropout, maps=True)
            each.depth = depth_of_branch

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, classes) of ``images`` (B, C, H, W)."""
        images = self.input_dropout(images)
        h = self.activation(self.norm(self.blocks(self.conv(images))))
        return self.classifier(h.mean((2, 3)))


class WideResNet(PreActResNet):
    """Wide residual network WRN-``depth``-``widen``. Maps images (B, C, H, W) to logits (B, classes).

    Zagoruyko & Komodakis 2016 (arXiv:1605.07146): `PreActResNet` of basic blocks whose stages are ``widen`` times
    as wide as the stem, of ``width`` channels. They count the projections of the three stages among the layers, so
    that the depth is 6n + 4. ``convention``: "garipov2018" has biases (36,489,290 parameters), the stride in the second
    convolution of a block, shortcuts that project their input itself, and a last batch norm whose statistics are nearly
    those of the last batch (momentum 0.9), as the code of Garipov et al. 2018. ValueError for another depth, and as
    `PreActResNet`.

    >>> network = WideResNet(28, 10, input_shape=(3, 32, 32), classes=10)
    >>> sum(p.numel() for p in network.parameters())  # printed: 36.5M
    36479194
    """

    _CONVENTIONS: ClassVar[dict[str, _Convention]] = {
        "lossatlas": _OURS,
        "garipov2018": _Convention(bias=True, projects_input=True, stride_last=True, momentum=0.9),
    }

    def __init__(
        self,
        depth: int,
        widen: int,
        *,
        input_shape: Sequence[int],
        classes: int,
        width: int = 16,
        skip: bool = True,
        input_dropout: float = 0.0,
        spatial_dropout: float = 0.0,
        stochastic_depth: float = 0.0,
        dropout: float = 0.0,
        activation: str = "relu",
        convention: str = "lossatlas",
    ) -> None:
        check_positive(depth=depth, widen=widen, width=width)
        if depth < 10 or (depth - 4) % 6:
            raise ValueError(f"depth of a wide ResNet must be 6n + 4 with n >= 1, got {depth}")
        super().__init__(
            depth - 2,
            input_shape=input_shape,
            classes=classes,
            width=width * widen,
            stem=width,
            skip=skip,
            input_dropout=input_dropout,
            spatial_dropout=spatial_dropout,
            stochastic_depth=stochastic_depth,
            dropout=dropout,
            activation=activation,
            convention=convention,
        )


def _blocks_per_stage(depth: int, layers: int, stages: int) -> int:
    """Return n of ``depth`` = ``stages`` n ``layers`` + 2."""
    period = stages * layers
    blocks, rest = divmod(depth - 2, period)
    if rest or blocks < 1:
        nearest = " or ".join(str(period * n + 2) for n in (blocks, blocks + 1) if n >= 1)
        raise ValueError(f"depth must be {period}n + 2 with n >= 1, got {depth}: nearest is {nearest}")
    return blocks
