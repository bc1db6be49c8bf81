"""CIFAR-10 with the normalisation of the papers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lossatlas.data.augmentation import Augmentation
from lossatlas.data.cifar_archive import CifarArchive, download_cifar10
from lossatlas.data.images import ImageData
from lossatlas.data.partition import stratified_split
from lossatlas.data.split import Split

# Of the training images by channel, in grey levels of 0 to 255, as He et al. and Li et al. have them.
MEAN, STD = (125.3, 123.0, 113.9), (63.0, 62.1, 66.7)


def cifar10(
    *,
    root: str | Path,
    batch_size: int,
    shape: Sequence[int],
    classes: int,
    drop_last: bool = False,
    augment: Mapping[str, Augmentation | None] | None = None,
    validation: int = 0,
    download: bool = False,
) -> ImageData:
    """Return CIFAR-10 (Krizhevsky 2009): 50,000 train and 10,000 test images (3, 32, 32) uint8, 10 classes.

    Read from ``root``/cifar-10-batches-py or, where that is missing, from ``root``/cifar-10-python.tar.gz, in
    the format of www.cs.toronto.edu/~kriz/cifar.html. ``download`` fetches the archive through torchvision,
    which checks it, if neither is there. ``validation`` images, stratified and always the same, are taken
    from the training set and make a split of their own; with 0 there is none.

    FileNotFoundError if the data set is not there, ConnectionError if it cannot be fetched; ValueError if a
    file of it is damaged, if ``shape`` or ``classes`` are not those of the data, or if ``validation`` leaves
    nothing to train on.
    """
    if download:
        download_cifar10(root)
    archive = CifarArchive(root)
    names = archive.class_names()
    if classes != len(names):
        raise ValueError(f"classes is declared as {classes}, but CIFAR-10 in {root} has {len(names)}")
    batches = [archive.batch(f"data_batch_{number}") for number in range(1, 6)]
    inputs, targets = (torch.cat(parts) for parts in zip(*batches, strict=True))
    return ImageData(
        {**_divide(inputs, targets, validation), "test": Split(*archive.batch("test_batch"))},
        shape=shape,
        classes=classes,
        mean=MEAN,
        std=STD,
        batch_size=batch_size,
        drop_last=drop_last,
        augment=augment,
    )


def _divide(inputs: Tensor, targets: Tensor, validation: int) -> dict[str, Split]:
    if not 0 <= validation < len(targets):
        raise ValueError(
            f"validation must be 0 to {len(targets) - 1} of the training images, got {validation}"
        )
    if not validation:
        return {"train": Split(inputs, targets)}
    rows = stratified_split(targets, {"validation": validation, "train": len(targets) - validation})
    return {name: Split(inputs[rows[name]], targets[rows[name]]) for name in ("train", "validation")}
