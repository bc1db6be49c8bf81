"""Reading the CIFAR-10 "python version": a folder, or tar archive, of pickles written by Python 2."""

import io
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

FOLDER, ARCHIVE = "cifar-10-batches-py", "cifar-10-python.tar.gz"
IMAGE = (3, 32, 32)
PIXELS = 3 * 32 * 32


class CifarArchive:
    """The batches of CIFAR-10 under ``root``. FileNotFoundError if there are none."""

    def __init__(self, root: str | Path) -> None:
        self._folder = Path(root) / FOLDER
        self._files = {} if self._folder.is_dir() else _members(Path(root))

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
        try:
            content = _DataUnpickler(io.BytesIO(self._read(name)), encoding="latin1").load()
        except FileNotFoundError:
            raise
        # What pickle raises on damaged bytes is nearly anything.
        except Exception as error:
            raise ValueError(f"{self._folder / name} is damaged and cannot be read: {error}") from error
        missing = [key for key in keys if not isinstance(content, dict) or key not in content]
        if missing:
            raise ValueError(f"{self._folder / name} is damaged: it has no {' or '.join(missing)}")
        return content

    def _read(self, name: str) -> bytes:
        if self._files:
            if name not in self._files:
                raise FileNotFoundError(f"{name} is missing from {self._folder.parent / ARCHIVE}")
            return self._files[name]
        path = self._folder / name
        if not path.is_file():
            raise FileNotFoundError(f"{name} is missing from {self._folder}")
        return path.read_bytes()


def download_cifar10(root: str | Path) -> None:
    """Fetch the archive into ``root`` through torchvision, which checks its MD5, unless CIFAR-10 is there already."""
    if (Path(root) / FOLDER).is_dir() or (Path(root) / ARCHIVE).is_file():
        return
    from torchvision.datasets import CIFAR10  # noqa: PLC0415  (slow to import, and only needed here)

    CIFAR10(str(root), download=True)


def _members(root: Path) -> dict[str, bytes]:
    """Return the files of the archive by name, read without unpacking it onto the disk."""
    path = root / ARCHIVE
    if not path.is_file():
        raise FileNotFoundError(
            f"CIFAR-10 is not in {root}: type data.download=true to fetch it (170 MB), or put {ARCHIVE} there"
        )
    try:
        with tarfile.open(path) as archive:
            files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
            return {Path(name).name: file.read() for name, file in files.items() if file}
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} is damaged and cannot be read: {error}; delete it and fetch it again") from error


class _DataUnpickler(pickle.Unpickler):
    """Reads plain containers and numpy arrays, and refuses whatever else a pickle may call: a data set is no code."""

    ALLOWED = frozenset(
        {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}
        | {(f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")}
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no data set needs")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
