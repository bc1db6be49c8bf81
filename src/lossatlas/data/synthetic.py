"""Synthetic classification data of any shape and difficulty, made from a seed, and data of nothing."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional

from lossatlas.data.augmentation import Augmentation
from lossatlas.data.images import ImageData, scales
from lossatlas.data.split import Split
from lossatlas.seeds import generator


def synthetic_blobs(
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
    train: int = 256,
    validation: int = 64,
    test: int = 128,
    separation: float = 6.0,
    data_seed: int = 0,
) -> ImageData:
    """Return Gaussian blobs: one a class, of unit variance in every pixel, float32, not normalised further.

    The centres of any two classes lie ``separation`` apart, so the error of the best classifier of two
    classes is Phi(-separation / 2). ``train``, ``validation`` (0: none) and ``test`` are sizes; a split does
    not change with the sizes of the others. Classes are as balanced as the size allows.

    ValueError if there are more classes than pixels (orthogonal centres are needed), or for a negative size
    or separation.

    >>> data = synthetic_blobs(batch_size=8, shape=(1, 4, 4), classes=3)
    >>> data.splits["train"].inputs.shape
    torch.Size([256, 1, 4, 4])
    """
    pixels = math.prod(shape)
    if not 2 <= classes <= pixels:
        raise ValueError(
            f"classes must be 2 to {pixels}, the number of pixels of {tuple(shape)}, got {classes}"
        )
    _check_not_negative(separation=separation)
    gaussian = torch.randn(pixels, classes, generator=generator(data_seed, "blobs"), dtype=torch.float64)
    directions = torch.linalg.qr(gaussian).Q.T  # (classes, pixels), orthonormal
    centres = (separation / math.sqrt(2) * directions).float().reshape(classes, *shape)

    def draw(targets: Tensor, stream: Generator) -> Tensor:
        return centres[targets] + torch.randn(len(targets), *shape, generator=stream)

    sizes = {"train": train, "validation": validation, "test": test}
    return ImageData(
        _splits(draw, sizes, classes, data_seed, "blobs"),
        shape=shape,
        classes=classes,
        mean=[0.0] * shape[0],
        std=[1.0] * shape[0],
        batch_size=batch_size,
        drop_last=drop_last,
        label_noise=label_noise,
        order=order,
        train_on=train_on,
        part=part,
        parts=parts,
        augment=augment,
    )


def nothing(
    *,
    batch_size: int,
    shape: Sequence[int],
    classes: int,
    drop_last: bool = False,
    augment: Mapping[str, Augmentation | None] | None = None,
    steps: int = 1,
) -> ImageData:
    """Return blank examples, all zeros, for losses that look at none, such as the surfaces of `lossatlas.toy`.

    ``steps``: batches in an epoch, and so steps of the optimizer. Validation and test hold a batch each. ValueError
    for less than one step or class.

    >>> data = nothing(batch_size=2, shape=(1, 1, 2), classes=2, steps=5)
    >>> data.steps_per_epoch, bool(data.splits["train"].inputs.any())
    (5, False)
    """
    for name, value in (("steps", steps), ("classes", classes)):
        if value < 1:
            raise ValueError(f"{name} must be >= 1, got {value}")
    sizes = {"train": steps * batch_size, "validation": batch_size, "test": batch_size}
    return ImageData(
        {
            split: Split(torch.zeros(size, *shape), torch.arange(size) % classes)
            for split, size in sizes.items()
        },
        shape=shape,
        classes=classes,
        mean=[0.0] * shape[0],
        std=[1.0] * shape[0],
        batch_size=batch_size,
        drop_last=drop_last,
        augment=augment,
    )


_CONTRAST = 32.0  # standard deviation of a class's pattern in grey levels, of 0 to 255
_COARSE = 4  # a pattern is smooth: random at 4x4 points and interpolated between


def synthetic_images(
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
    train: int = 256,
    validation: int = 64,
    test: int = 128,
    noise: float = 1.0,
    data_seed: int = 0,
    normalize: bool = True,
) -> ImageData:
    """Return uint8 images: a smooth random pattern for each class, under white noise around medium grey.

    ``noise`` is the noise's standard deviation in units of the pattern's. Sizes as in `synthetic_blobs`; one
    of 0 leaves the validation split out. Without ``normalize`` a pixel x is seen as x / 255.

    ValueError for less than 2 classes, a negative size or negative noise.

    >>> data = synthetic_images(batch_size=8, shape=(3, 32, 32), classes=10)
    >>> data.splits["test"].inputs.dtype, data.shape
    (torch.uint8, (3, 32, 32))
    """
    if classes < 2:
        raise ValueError(f"classes must be >= 2, got {classes}")
    _check_not_negative(noise=noise)
    channels, height, width = shape
    coarse = torch.randn(classes, channels, _COARSE, _COARSE, generator=generator(data_seed, "images"))
    patterns = functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    patterns = patterns - patterns.mean((1, 2, 3), keepdim=True)
    patterns = _CONTRAST * patterns / patterns.std((1, 2, 3), keepdim=True).clamp_min(1e-6)

    def draw(targets: Tensor, stream: Generator) -> Tensor:
        white = torch.randn(len(targets), *shape, generator=stream)
        return (127.5 + patterns[targets] + _CONTRAST * noise * white).round().clamp(0, 255).to(torch.uint8)

    sizes = {"train": train, "validation": validation, "test": test}
    return ImageData(
        _splits(draw, sizes, classes, data_seed, "images"),
        shape=shape,
        classes=classes,
        **scales(
            normalize, [127.5] * channels, [_CONTRAST * math.sqrt(1 + noise**2)] * channels, white=255.0
        ),
        batch_size=batch_size,
        drop_last=drop_last,
        label_noise=label_noise,
        order=order,
        train_on=train_on,
        part=part,
        parts=parts,
        augment=augment,
    )


def _splits(
    draw: Callable[[Tensor, Generator], Tensor], sizes: Mapping[str, int], classes: int, seed: int, name: str
) -> dict[str, Split]:
    """Draw each split from a stream of its own; a validation split of size 0 is left out."""
    _check_not_negative(**sizes)
    splits = {}
    for split, size in sizes.items():
        if size or split != "validation":
            targets = torch.arange(size) % classes
            splits[split] = Split(draw(targets, generator(seed, f"{name}.{split}")), targets)
    return splits


def _check_not_negative(**values: float) -> None:
    for name, value in values.items():
        if value < 0:
            raise ValueError(f"{name} must be >= 0, got {value}")
