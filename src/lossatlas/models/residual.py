"""Residual blocks that begin as the identity."""

from collections.abc import Callable, Iterator

import torch
from torch import Generator, nn
from torchvision.models.mobilenetv2 import InvertedResidual  # type: ignore[import-untyped]
from torchvision.models.resnet import BasicBlock as TorchvisionBlock  # type: ignore[import-untyped]
from torchvision.models.resnet import Bottleneck

from lossatlas.layers import NORMALIZATION_LAYERS
from lossatlas.models.init import kaiming_normal
from lossatlas.models.preact_resnet import PreActivationBlock
from lossatlas.models.resnet import BasicBlock


@torch.no_grad()
def zero_residual(
    model: nn.Module, *, generator: Generator, weights: Callable[..., None] = kaiming_normal
) -> None:
    """Initialise as ``weights`` does; then set the scale of the last normalisation of each residual block to zero.

    Goyal et al. 2017 (arXiv:1706.02677, section 5.1), as ``zero_init_residual`` of torchvision: a block then begins as
    its shortcut alone. In pre-activation blocks the last normalisation lies before the last convolution, which zeros
    then reach. Blocks are those of the residual networks here and in torchvision; those without a shortcut stay as they
    are drawn, since nothing would come through.

    ValueError if no block with a shortcut has a normalisation with a scale.

    >>> from lossatlas.models import ResNet
    >>> network = ResNet(8, input_shape=(1, 8, 8), classes=10, width=4)
    >>> zero_residual(network, generator=torch.Generator().manual_seed(0))
    >>> network.blocks[0].bn2.weight.tolist(), network.blocks[0].bn1.weight.tolist()
    ([0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0])
    """
    weights(model, generator=generator)
    scales = [
        norm.weight
        for norm in _last_norms(model)
        if isinstance(norm, NORMALIZATION_LAYERS) and norm.weight is not None
    ]
    if not scales:
        raise ValueError(
            f"{type(model).__name__} has no residual block with a shortcut and a normalisation whose scale could be 0"
        )
    for scale in scales:
        scale.zero_()


def _last_norms(model: nn.Module) -> Iterator[nn.Module]:
    for block in model.modules():
        if isinstance(block, BasicBlock) and block.shortcut is not None:
            yield block.bn2
        elif isinstance(block, PreActivationBlock) and block.skip:
            yield block.norms[-1]
        elif isinstance(block, InvertedResidual) and block.use_res_connect:
            yield block.conv[-1]
        elif isinstance(block, TorchvisionBlock):
            yield block.bn2
        elif isinstance(block, Bottleneck):
            yield block.bn3
