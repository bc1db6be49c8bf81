"""The architectures of the papers, for images of any shape, and their initialisations."""

from lossatlas.models.init import kaiming_normal, keep_defaults
from lossatlas.models.mlp import MLP
from lossatlas.models.resnet import ResNet
from lossatlas.models.vgg import VGG

__all__ = ["MLP", "VGG", "ResNet", "kaiming_normal", "keep_defaults"]
