"""How many images a data set has, without it."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from lossatlas.data import ImageData, Split
from lossatlas.runs.build import build_data

Sizes = dict[str, int]
"""Number of images of each split."""


def split_sizes(config: Mapping[str, Any]) -> Sizes:
    """Number of images of each split of a plain configuration's data.

    Data sets that are fetched need not be there: their sizes are published. The others come with the package, or are
    the user's own, and are loaded.

    >>> split_sizes({"data": {"_target_": "lossatlas.data.cifar10", "validation": 5000}})
    {'train': 45000, 'validation': 5000, 'test': 10000}
    """
    node = config["data"]
    if published := PUBLISHED.get(node["_target_"]):
        return published(node)
    return {name: len(split.inputs) for name, split in build_data(config).splits.items()}


def blank_data(config: Mapping[str, Any]) -> ImageData:
    """As many images as a plain configuration's data has, all black and in the memory of one.

    >>> node = {"_target_": "lossatlas.data.cifar10", "shape": [3, 32, 32], "classes": 10, "batch_size": 128}
    >>> blank_data({"data": node}).steps_per_epoch
    391
    """
    node = config["data"]
    image = torch.zeros(1, *node["shape"], dtype=torch.uint8)
    splits = {
        name: Split(image.expand(size, -1, -1, -1), torch.zeros(1, dtype=torch.int64).expand(size))
        for name, size in split_sizes(config).items()
    }
    channels = node["shape"][0]
    return ImageData(
        splits,
        shape=node["shape"],
        classes=node["classes"],
        mean=[0.0] * channels,
        std=[1.0] * channels,
        batch_size=node["batch_size"],
        drop_last=node.get("drop_last", False),
    )


def _cifar(node: Mapping[str, Any]) -> Sizes:
    """CIFAR-10 and -100 (Krizhevsky 2009): 50,000 and 10,000."""
    validation = node.get("validation", 0)
    held_out = {"validation": validation} if validation else {}
    return {"train": 50_000 - validation, **held_out, "test": 10_000}


def _mnist(node: Mapping[str, Any]) -> Sizes:
    """MNIST (LeCun et al. 1998): 60,000 and 10,000."""
    return {**_cifar(node), "train": 60_000 - node.get("validation", 0)}


PUBLISHED: dict[str, Callable[[Mapping[str, Any]], Sizes]] = {
    "lossatlas.data.cifar10": _cifar,
    "lossatlas.data.cifar100": _cifar,
    "lossatlas.data.mnist": _mnist,
}
"""Target of a data set that is fetched -> sizes for its settings."""
