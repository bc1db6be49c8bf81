"""MNIST, read by torchvision."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock
from torch.nn import functional

from lossatlas.data.augmentation import Augmentation
from lossatlas.data.images import ImageData, scales
from lossatlas.data.partition import held_out
from lossatlas.data.split import Split

# Of the training images' pixels, in grey levels of 0 to 255, as PyTorch's own example has them.
_MEAN, _STD = 0.1307 * 255, 0.3081 * 255
_CLASSES = 10


def mnist(
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
    pad: int = 0,
    download: bool = False,
    normalize: bool = True,
) -> ImageData:
    """Return MNIST (LeCun et al. 1998): 60,000 train and 10,000 test images (1, 28, 28) uint8, 10 classes.

    Read from ``root``/MNIST/raw, where ``download`` unpacks the four files, which it fetches first if need be.
    ``validation`` images, stratified and always the same, are taken from the training set and make a split of their
    own; with 0 there is none. ``pad``: black pixels that are put on every side; 2 make the images (1, 32, 32), for
    networks that are made for CIFAR's. The normalisation stays that of the images themselves. Without
    ``normalize`` a pixel x is seen as x / 255.

    FileNotFoundError if the data set is not there, ConnectionError if it cannot be fetched; ValueError if it is
    incomplete or damaged, if ``shape`` or ``classes`` are not those of the data, if ``validation`` leaves nothing to
    train on, or if ``pad`` is negative.
    """
    if classes != _CLASSES:
        raise ValueError(f"classes is declared as {classes}, but MNIST has {_CLASSES}")
    if pad < 0:
        raise ValueError(f"pad counts pixels and must be >= 0, got {pad}")
    if download:
        Path(root).mkdir(parents=True, exist_ok=True)
        with FileLock(Path(root) / "mnist.lock"):  # processes that ask at the same time fetch it once
            _open(Path(root), train=True, download=True)
    train, test = (_split(Path(root), train, pad) for train in (True, False))
    return ImageData(
        {**held_out(train, validation), "test": test},
        shape=shape,
        classes=classes,
        **scales(normalize, [_MEAN], [_STD], 255.0),
        batch_size=batch_size,
        drop_last=drop_last,
        label_noise=label_noise,
        order=order,
        train_on=train_on,
        part=part,
        parts=parts,
        augment=augment,
    )


def _split(root: Path, train: bool, pad: int) -> Split:
    part = _open(root, train=train)
    if len(part.data) != len(part.targets):
        raise _damaged(root)
    return Split(functional.pad(part.data, (pad,) * 4)[:, None].contiguous(), part.targets)  # (N, 1, H, W)


def _open(root: Path, *, train: bool, download: bool = False) -> Any:
    """Open one of the two parts with torchvision, and say in one line what is wrong if it does not open.

    Of files that are there torchvision checks no sums: those that are cut off fail while they are parsed.
    """
    # Here, since it takes most of a second to import.
    from torchvision.datasets import MNIST  # type: ignore[import-untyped]

    if not download and not _complete(root, MNIST.resources):
        if (root / "MNIST" / "raw").is_dir():
            raise _damaged(root)
        raise FileNotFoundError(
            f"MNIST is not in {root}: type data.download=true, which fetches four files (12 MB), or takes those that "
            f"lie in {root / 'MNIST' / 'raw'}, and unpacks them"
        )
    try:
        return MNIST(str(root), train=train, download=download)
    except (AssertionError, KeyError, ValueError, TypeError, RuntimeError, OSError) as error:
        if _complete(root, MNIST.resources):
            raise _damaged(root) from error
        if download:
            raise ConnectionError(
                f"MNIST could not be fetched; put the four files *-ubyte.gz into {root / 'MNIST' / 'raw'}"
            ) from error
        raise


def _complete(root: Path, resources: Sequence[tuple[str, str]]) -> bool:
    return all((root / "MNIST" / "raw" / name.removesuffix(".gz")).is_file() for name, _ in resources)


def _damaged(root: Path) -> ValueError:
    folder = root / "MNIST" / "raw"
    return ValueError(f"MNIST in {folder} is incomplete or damaged: remove it and type data.download=true")
