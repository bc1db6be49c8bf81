"""The architectures of the papers, for images of any shape, and their initialisations."""

from lossatlas.models.data_dependent import lsuv, standardized_outputs
from lossatlas.models.densenet import DenseNet
from lossatlas.models.init import (
    gain_of,
    kaiming_convolutions,
    kaiming_normal,
    keep_defaults,
    variance_scaling,
)
from lossatlas.models.lenet import LeNet
from lossatlas.models.mlp import MLP
from lossatlas.models.mobilenet import MobileNetV2
from lossatlas.models.orthogonal import delta_orthogonal, identity, orthogonal
from lossatlas.models.preact_resnet import PreActResNet, WideResNet
from lossatlas.models.residual import zero_residual
from lossatlas.models.resnet import ResNet
from lossatlas.models.squeezenet import SqueezeNet
from lossatlas.models.vgg import VGG

__all__ = [
    "MLP",
    "VGG",
    "DenseNet",
    "LeNet",
    "MobileNetV2",
    "PreActResNet",
    "ResNet",
    "SqueezeNet",
    "WideResNet",
    "delta_orthogonal",
    "gain_of",
    "identity",
    "kaiming_convolutions",
    "kaiming_normal",
    "keep_defaults",
    "lsuv",
    "orthogonal",
    "standardized_outputs",
    "variance_scaling",
    "zero_residual",
]
