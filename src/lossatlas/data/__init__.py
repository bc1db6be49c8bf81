"""Data sets, each split one tensor on one device; order and augmentation are functions of (seed, step)."""

from lossatlas.data.augmentation import Augmentation, RandomCrop, RandomHorizontalFlip
from lossatlas.data.cifar import cifar10, cifar100
from lossatlas.data.erasing import Cutout, GaussianNoise
from lossatlas.data.images import ImageData
from lossatlas.data.mixing import CutMix, Mixup
from lossatlas.data.mnist import mnist
from lossatlas.data.partition import stratified_folds, stratified_split
from lossatlas.data.resampling import bagged, without_fold
from lossatlas.data.scikit import digits
from lossatlas.data.split import Split
from lossatlas.data.synthetic import nothing, synthetic_blobs, synthetic_images

__all__ = [
    "Augmentation",
    "CutMix",
    "Cutout",
    "GaussianNoise",
    "ImageData",
    "Mixup",
    "RandomCrop",
    "RandomHorizontalFlip",
    "Split",
    "bagged",
    "cifar10",
    "cifar100",
    "digits",
    "mnist",
    "nothing",
    "stratified_folds",
    "stratified_split",
    "synthetic_blobs",
    "synthetic_images",
    "without_fold",
]
