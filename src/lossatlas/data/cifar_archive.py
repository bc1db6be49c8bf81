"""Reading the CIFAR-10 "python version": a folder, or tar archive, of pickles written by Python 2."""

import io
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

FOLDER, ARCHIVE = "cifar-10-batches-py", "cifar-10-python.tar.gz"
IMAGE = (3, 32, 32)
PIXELS = 3 * 32 * 32


class CifarArchive:
    """The batches of CIFAR-10 under ``root``. FileNotFoundError if there are none."""

    def __init__(self, root: str | Path) -> None:
        self._folder = Path(root) / FOLDER
        self._files = None if self._folder.is_dir() else _members(Path(root))

    def class_names(self) -> list[str]:
        """Names of the classes, in the order of the targets."""
        return list(self._load("batches.meta", "label_names")["label_names"])

    def batch(self, name: str) -> tuple[Tensor, Tensor]:
        """Return the images (N, 3, 32, 32) uint8 and classes (N,) int64 of one file.

        FileNotFoundError if it is missing, ValueError if it is damaged.
        """
        content = self._load(name, "data", "labels")
        pixels, labels = np.asarray(content["data"]), content["labels"]
        if pixels.dtype != np.uint8 or pixels.shape != (len(labels), PIXELS):
            raise ValueError(
                f"{self._folder / name} is damaged: expected {len(labels)} rows of {PIXELS} uint8, "
                f"got {pixels.shape} {pixels.dtype}"
            )
        images = torch.from_numpy(pixels.reshape(-1, *IMAGE).copy())
        return images, torch.tensor(labels, dtype=torch.int64)

    def _load(self, name: str, *keys: str) -> dict[str, Any]:
        data = self._read(name)
        try:
            content = _DataUnpickler(io.BytesIO(data), encoding="latin1").load()
        except Exception as error:  # what pickle raises on damaged bytes is nearly anything
            raise ValueError(f"{self._folder / name} is damaged and cannot be read: {error}") from error
        missing = [key for key in keys if not isinstance(content, dict) or key not in content]
        if missing:
            raise ValueError(f"{self._folder / name} is damaged: it has no {' or '.join(missing)}")
        return content

    def _read(self, name: str) -> bytes:
        if self._files is None:
            path = self._folder / name
            if path.is_file():
                return path.read_bytes()
        elif name in self._files:
            return self._files[name]
        raise FileNotFoundError(f"{name} is missing from CIFAR-10 in {self._folder.parent}")


def download_cifar10(root: str | Path) -> None:
    """Fetch the archive into ``root`` with torchvision, unless it is there with the right MD5, or unpacked.

    Processes that ask for it at the same time fetch it once. ConnectionError if it cannot be had.
    """
    # Here, since it takes most of a second to import.
    from torchvision.datasets import CIFAR10  # type: ignore[import-untyped]
    from torchvision.datasets.utils import download_url  # type: ignore[import-untyped]

    if (Path(root) / FOLDER).is_dir():
        return
    Path(root).mkdir(parents=True, exist_ok=True)
    with FileLock(Path(root) / f"{ARCHIVE}.lock"):
        try:
            download_url(CIFAR10.url, str(root), ARCHIVE, CIFAR10.tgz_md5)
        except (OSError, RuntimeError) as error:
            hint = f"put {ARCHIVE} into {root}"
            raise ConnectionError(f"CIFAR-10 could not be fetched: {error}; {hint}") from error


def _members(root: Path) -> dict[str, bytes]:
    """Return the files of the archive by name, read without unpacking it onto the disk."""
    path = root / ARCHIVE
    if not path.is_file():
        raise FileNotFoundError(
            f"CIFAR-10 is not in {root}: type data.download=true to fetch it (170 MB), or put {ARCHIVE} there"
        )
    try:
        with tarfile.open(path) as archive:
            # In the order of the archive: going back would decompress it from the start again.
            return {
                Path(member.name).name: _content(archive, member) for member in archive if member.isfile()
            }
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{path} is damaged and cannot be read: {error}; data.download=true fetches it anew"
        ) from error


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""


class _DataUnpickler(pickle.Unpickler):
    """Reads plain containers and numpy arrays, and refuses all else: a data set is no code."""

    ALLOWED = frozenset(
        {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}
        | {(f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")}
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no data set needs")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
