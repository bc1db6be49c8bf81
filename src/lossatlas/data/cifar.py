"""CIFAR-10 and CIFAR-100, read by torchvision, with the normalisation of the papers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from lossatlas.data.augmentation import Augmentation
from lossatlas.data.images import ImageData, scales
from lossatlas.data.partition import held_out
from lossatlas.data.split import Split

# Of CIFAR-10's training images by channel, in grey levels of 0 to 255, as He et al. and Li et al. have them.
_MEAN, _STD = (125.3, 123.0, 113.9), (63.0, 62.1, 66.7)


@dataclass(frozen=True)
class _Source:
    """Which of the two is read."""

    name: str
    dataset: str  # class of torchvision.datasets
    lock: str  # file beside the archive that processes which fetch it hold
    megabytes: int  # of the archive


_TEN = _Source("CIFAR-10", "CIFAR10", "cifar-10.lock", 170)
_HUNDRED = _Source("CIFAR-100", "CIFAR100", "cifar-100.lock", 169)


def cifar10(
    *,
    root: str | Path,
    batch_size: int,
    shape: Sequence[int],
    classes: int,
    drop_last: bool = False,
    label_noise: float = 0.0,
    order: str = "reshuffled",
    train_on: str = "all",
    part: int = 0,
    parts: int = 5,
    augment: Mapping[str, Augmentation | None] | None = None,
    validation: int = 0,
    download: bool = False,
    normalize: bool = True,
) -> ImageData:
    """Return CIFAR-10 (Krizhevsky 2009): 50,000 train and 10,000 test images (3, 32, 32) uint8, 10 classes.

    Read from ``root``/cifar-10-batches-py, each file held against its MD5. Where that folder is missing or
    not whole, ``download`` unpacks ``root``/cifar-10-python.tar.gz, which it fetches first if need be.
    ``validation`` images, stratified and always the same, are taken from the training set and make a split of
    their own; with 0 there is none. Without ``normalize`` a pixel x is seen as x / 255.

    FileNotFoundError if the data set is not there, ConnectionError if it cannot be fetched; ValueError if it
    is incomplete or damaged, if ``shape`` or ``classes`` are not those of the data, or if ``validation``
    leaves nothing to train on.
    """
    splits = _read(_TEN, Path(root), classes, validation, download)
    return ImageData(
        splits,
        shape=shape,
        classes=classes,
        **scales(normalize, _MEAN, _STD, 255.0),
        batch_size=batch_size,
        drop_last=drop_last,
        label_noise=label_noise,
        order=order,
        train_on=train_on,
        part=part,
        parts=parts,
        augment=augment,
    )


def cifar100(
    *,
    root: str | Path,
    batch_size: int,
    shape: Sequence[int],
    classes: int,
    drop_last: bool = False,
    label_noise: float = 0.0,
    order: str = "reshuffled",
    train_on: str = "all",
    part: int = 0,
    parts: int = 5,
    augment: Mapping[str, Augmentation | None] | None = None,
    validation: int = 0,
    download: bool = False,
    normalize: bool = True,
) -> ImageData:
    """Return CIFAR-100 (Krizhevsky 2009): 50,000 train and 10,000 test images (3, 32, 32) uint8, 100 classes.

    The targets are the fine classes. Read from ``root``/cifar-100-python, or unpacked from
    ``root``/cifar-100-python.tar.gz. The rest is as in `cifar10`, the numbers of the normalisation too: the code of
    Garipov et al. 2018 (arXiv:1802.10026) also has the same for both.
    """
    splits = _read(_HUNDRED, Path(root), classes, validation, download)
    return ImageData(
        splits,
        shape=shape,
        classes=classes,
        **scales(normalize, _MEAN, _STD, 255.0),
        batch_size=batch_size,
        drop_last=drop_last,
        label_noise=label_noise,
        order=order,
        train_on=train_on,
        part=part,
        parts=parts,
        augment=augment,
    )


def _read(source: _Source, root: Path, classes: int, validation: int, download: bool) -> dict[str, Split]:
    if download:
        with FileLock(root / source.lock):  # processes that ask at the same time fetch it once
            _open(source, root, train=True, download=True)
    train, test = _open(source, root, train=True), _open(source, root, train=False)
    if classes != len(train.class_to_idx):
        raise ValueError(f"classes is declared as {classes}, but {source.name} has {len(train.class_to_idx)}")
    return {**held_out(_split(train), validation), "test": _split(test)}


def _open(source: _Source, root: Path, *, train: bool, download: bool = False) -> Any:
    """Open one of the two parts with torchvision, and say in one line what is wrong if it does not open."""
    # Here, since it takes most of a second to import.
    from torchvision import datasets  # type: ignore[import-untyped]

    kind = getattr(datasets, source.dataset)
    folder, archive = root / kind.base_folder, kind.filename
    try:
        return kind(str(root), train=train, download=download)
    except RuntimeError as error:  # a file is missing, or its MD5 is another
        if folder.is_dir():
            raise ValueError(
                f"{source.name} in {folder} is incomplete or damaged: remove it and type data.download=true"
            ) from error
        if download:
            raise ConnectionError(
                f"{source.name} could not be fetched: what came is not {archive}; put it into {root}"
            ) from error
        raise FileNotFoundError(
            f"{source.name} is not in {root}: type data.download=true, which fetches {archive} "
            f"({source.megabytes} MB), or takes the one that lies there, and unpacks it"
        ) from error
    except OSError as error:
        if not download:
            raise
        raise ConnectionError(
            f"{source.name} could not be fetched: {error}; put {archive} into {root}"
        ) from error


def _split(part: Any) -> Split:
    images = torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous()  # (N, H, W, C) -> (N, C, H, W)
    return Split(images, torch.tensor(part.targets, dtype=torch.int64))
