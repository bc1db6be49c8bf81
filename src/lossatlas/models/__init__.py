"""The architectures of the papers, for images of any shape, and their initialisations."""

from lossatlas.models.alexnet import AlexNet
from lossatlas.models.data_dependent import lsuv, standardized_outputs
from lossatlas.models.densenet import DenseNet
from lossatlas.models.init import (
    gain_of,
    kaiming_convolutions,
    kaiming_normal,
    keep_defaults,
    second_moment,
    variance_scaling,
)
from lossatlas.models.lenet import LeNet
from lossatlas.models.mlp import MLP
from lossatlas.models.mobilenet import MobileNetV2
from lossatlas.models.normalization import (
    batch_normalization,
    group_normalization,
    instance_normalization,
    keep_normalization,
    layer_normalization,
    network_deconvolution,
    no_normalization,
    rms_normalization,
    spectral_normalization,
    weight_normalization,
    weight_standardization,
)
from lossatlas.models.orthogonal import delta_orthogonal, identity, orthogonal
from lossatlas.models.preact_resnet import PreActResNet, WideResNet
from lossatlas.models.residual import zero_residual
from lossatlas.models.resnet import ResNet
from lossatlas.models.squeezenet import SqueezeNet
from lossatlas.models.vgg import VGG

__all__ = [
    "MLP",
    "VGG",
    "AlexNet",
    "DenseNet",
    "LeNet",
    "MobileNetV2",
    "PreActResNet",
    "ResNet",
    "SqueezeNet",
    "WideResNet",
    "batch_normalization",
    "delta_orthogonal",
    "gain_of",
    "group_normalization",
    "identity",
    "instance_normalization",
    "kaiming_convolutions",
    "kaiming_normal",
    "keep_defaults",
    "keep_normalization",
    "layer_normalization",
    "lsuv",
    "network_deconvolution",
    "no_normalization",
    "orthogonal",
    "rms_normalization",
    "second_moment",
    "spectral_normalization",
    "standardized_outputs",
    "variance_scaling",
    "weight_normalization",
    "weight_standardization",
    "zero_residual",
]
