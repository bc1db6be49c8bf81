"""The architectures of the papers, for images of any shape, and their initialisations."""

from lossatlas.models.densenet import DenseNet
from lossatlas.models.init import kaiming_convolutions, kaiming_normal, keep_defaults
from lossatlas.models.lenet import LeNet
from lossatlas.models.mlp import MLP
from lossatlas.models.mobilenet import MobileNetV2
from lossatlas.models.preact_resnet import PreActResNet, WideResNet
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
    "kaiming_convolutions",
    "kaiming_normal",
    "keep_defaults",
]
