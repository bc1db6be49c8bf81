"""Handwritten digits inside scikit-learn, the data set that needs no download."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lossatlas.data.augmentation import Augmentation
from lossatlas.data.images import ImageData, scales
from lossatlas.data.partition import one_fold, stratified_split
from lossatlas.data.split import Split

_SIZES = {"test": 600, "validation": 197, "train": 1000}
# Mean and standard deviation over all pixels of the 1,000 training images.
_MEAN, _STD = 4.8813, 6.0162
_WHITE = 16.0


def digits(
    *,
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
    fold: int | None = None,
    folds: int = 5,
    normalize: bool = True,
) -> ImageData:
    """Return the 1,797 real handwritten digits of 8x8 pixels, float32 from 0 to 16.

    The test part of "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998, UCI repository), by
    13 writers, whom the splits mix. Without ``fold``: 1,000 train, 197 validation, 600 test, stratified and
    fixed. With ``fold`` = k of ``folds``: the test split is the k-th of the stratified folds, the rest is
    divided into train and validation as 1,000 to 197; the normalisation stays that of the 1,000. Without
    ``normalize`` a pixel x is seen as x / 16. Of fewer than 10 ``classes``, k, only the digits 0 to k - 1 are left in
    each split.

    ValueError if ``shape`` is not that of the data (1, 8, 8), for less than 2 or more than 10 classes, if there is no
    such fold, or if ``batch_size`` exceeds the training split.

    >>> data = digits(batch_size=16, shape=(1, 8, 8), classes=10)
    >>> {name: len(split) for name, split in data.splits.items()}
    {'train': 1000, 'validation': 197, 'test': 600}
    """
    if not 2 <= classes <= 10:
        raise ValueError(f"classes must be 2 to 10, the digits 0 to classes - 1, got {classes}")
    from sklearn.datasets import load_digits  # here, since it takes half a second to import

    bunch = load_digits()
    whole = Split(torch.from_numpy(bunch.images).float()[:, None], torch.from_numpy(bunch.target).long())
    rows = stratified_split(whole.targets, _SIZES) if fold is None else _fold(whole.targets, fold, folds)
    return ImageData(
        {name: _first(whole.take(rows[name]), classes) for name in ("train", "validation", "test")},
        shape=shape,
        classes=classes,
        **scales(normalize, [_MEAN], [_STD], _WHITE),
        batch_size=batch_size,
        drop_last=drop_last,
        label_noise=label_noise,
        order=order,
        train_on=train_on,
        part=part,
        parts=parts,
        augment=augment,
    )


def _first(split: Split, classes: int) -> Split:
    """Its images of the first ``classes``."""
    return split.take((split.targets < classes).nonzero()[:, 0])


def _fold(targets: Tensor, fold: int, folds: int) -> dict[str, Tensor]:
    test, rest = one_fold(targets, folds, fold, "fold")
    validation = round(len(rest) * _SIZES["validation"] / (_SIZES["validation"] + _SIZES["train"]))
    inner = stratified_split(targets[rest], {"validation": validation, "train": len(rest) - validation})
    return {"test": test, **{name: rest[rows] for name, rows in inner.items()}}
