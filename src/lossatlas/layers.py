"""Which modules are normalisation layers: lists, one for each thing that is meant."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from lossatlas.deconvolution import Deconvolution
from lossatlas.normalizations import ChannelBias, RMSNorm, Unnormalized

NORMALIZATION_LAYERS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
"""All that normalise, and whose parameters are a scale and, but for RMSNorm, a shift.

`_NormBase` is the base of batch and of instance norm.
"""

BATCH_NORM = _BatchNorm
"""Batch norm of any dimension, lazy and synchronised ones among them: it may keep running statistics."""

KEEPS_STATISTICS = (_NormBase, Deconvolution)
"""Batch norm, instance norm and layers that whiten their inputs: those that may keep running statistics."""

FOLDABLE = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
"""What is exactly one of these can be folded into the layer before it; a subclass may compute something else."""

OURS = (RMSNorm, ChannelBias, Unnormalized, Deconvolution)
"""Layers of this library's, which are to be followed as a whole like those of torch."""
