"""CIFAR-10, read by torchvision, with the normalisation of the papers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from lossatlas.data.augmentation import Augmentation
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

    Read from ``root``/cifar-10-batches-py, each file held against its MD5. Where that folder is missing or
    not whole, ``download`` unpacks ``root``/cifar-10-python.tar.gz, which it fetches first if need be.
    ``validation`` images, stratified and always the same, are taken from the training set and make a split of
    their own; with 0 there is none.

    FileNotFoundError if the data set is not there, ConnectionError if it cannot be fetched; ValueError if it
    is incomplete or damaged, if ``shape`` or ``classes`` are not those of the data, or if ``validation``
    leaves nothing to train on.
    """
    root = Path(root)
    if download:
        with FileLock(root / "cifar-10.lock"):  # processes that ask at the same time fetch it once
            _open(root, train=True, download=True)
    train, test = _open(root, train=True), _open(root, train=False)
    if classes != len(train.class_to_idx):
        raise ValueError(f"classes is declared as {classes}, but CIFAR-10 has {len(train.class_to_idx)}")
    return ImageData(
        {**_divide(_split(train), validation), "test": _split(test)},
        shape=shape,
        classes=classes,
        mean=MEAN,
        std=STD,
        batch_size=batch_size,
        drop_last=drop_last,
        augment=augment,
    )


def _open(root: Path, *, train: bool, download: bool = False) -> Any:
    """Open one of the two parts with torchvision, and say in one line what is wrong if it does not open."""
    # Here, since it takes most of a second to import.
    from torchvision.datasets import CIFAR10  # type: ignore[import-untyped]

    folder, archive = root / CIFAR10.base_folder, CIFAR10.filename
    try:
        return CIFAR10(str(root), train=train, download=download)
    except RuntimeError as error:  # a file is missing, or its MD5 is another
        if folder.is_dir():
            raise ValueError(
                f"CIFAR-10 in {folder} is incomplete or damaged: remove it and type data.download=true"
            ) from error
        if download:
            raise ConnectionError(
                f"CIFAR-10 could not be fetched: what came is not {archive}; put it into {root}"
            ) from error
        raise FileNotFoundError(
            f"CIFAR-10 is not in {root}: type data.download=true, which fetches {archive} (170 MB), "
            "or takes the one that lies there, and unpacks it"
        ) from error
    except OSError as error:
        if not download:
            raise
        raise ConnectionError(f"CIFAR-10 could not be fetched: {error}; put {archive} into {root}") from error


def _split(part: Any) -> Split:
    images = torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous()  # (N, H, W, C) -> (N, C, H, W)
    return Split(images, torch.tensor(part.targets, dtype=torch.int64))


def _divide(train: Split, validation: int) -> dict[str, Split]:
    if not 0 <= validation < len(train):
        raise ValueError(f"validation must be 0 to {len(train) - 1} of the training images, got {validation}")
    if not validation:
        return {"train": train}
    rows = stratified_split(train.targets, {"validation": validation, "train": len(train) - validation})
    return {
        name: Split(train.inputs[rows[name]], train.targets[rows[name]]) for name in ("train", "validation")
    }
