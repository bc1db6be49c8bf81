"""Fixtures for all tests; above all CIFARs and an MNIST of a few images, which torchvision takes for the real ones."""

import hashlib
import resource
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.core.global_hydra import GlobalHydra

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
TRAIN, TEST, META = [f"data_batch_{k}" for k in range(1, 6)], ["test_batch"], "batches.meta"
WriteCifar = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def _settings_of_no_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Folders of this session alone for the user's settings, with the key that runs are signed with, and for notes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("settings")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _no_hydra_is_left_over() -> Iterator[None]:
    """Composing leaves Hydra initialised for the whole process, which no other test should find."""
    yield
    GlobalHydra.instance().clear()


@contextmanager
def _no_room_beyond(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def no_room_beyond() -> Callable[[int], AbstractContextManager[None]]:
    """Context in which files cannot grow beyond so many bytes, as on a disk that is full."""
    return _no_room_beyond


@pytest.fixture
def write_cifar(monkeypatch: pytest.MonkeyPatch) -> WriteCifar:
    """Function that writes the folder under a root, with so many images of each class in each file.

    torchvision's MD5s are replaced by those of the last folder written, so that its check of the files runs.
    """
    from torchvision.datasets import CIFAR10

    def write(root: Path, each: int = 2) -> Path:
        folder = root / CIFAR10.base_folder
        folder.mkdir(parents=True)
        rng = np.random.default_rng(0)
        labels = list(range(10)) * each
        md5s = {}
        for name in [*TRAIN, *TEST, META]:
            images = rng.integers(0, 256, (len(labels), 3072), dtype=np.uint8)
            content = {"batch_label": name, "labels": labels, "data": images}
            meta = {"num_cases_per_batch": len(labels), "label_names": CLASSES, "num_vis": 3072}
            data = python2_pickle(meta if name == META else content)
            (folder / name).write_bytes(data)
            md5s[name] = hashlib.md5(data).hexdigest()
        monkeypatch.setattr(CIFAR10, "train_list", [[name, md5s[name]] for name in TRAIN])
        monkeypatch.setattr(CIFAR10, "test_list", [[name, md5s[name]] for name in TEST])
        monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": md5s[META]})
        return root

    return write


@pytest.fixture
def tiny_cifar(tmp_path: Path, write_cifar: WriteCifar) -> Path:
    """Root of a CIFAR-10 with 100 training and 20 test images."""
    return write_cifar(tmp_path / "tiny")


@pytest.fixture
def write_cifar100(monkeypatch: pytest.MonkeyPatch) -> WriteCifar:
    """The same as `write_cifar` for CIFAR-100, whose two files hold so many images of each of the 100 classes."""
    from torchvision.datasets import CIFAR100

    def write(root: Path, each: int = 1) -> Path:
        folder = root / CIFAR100.base_folder
        folder.mkdir(parents=True)
        rng = np.random.default_rng(100)
        fine = list(range(100)) * each
        md5s = {}
        for name in ("train", "test", "meta"):
            content = {
                "batch_label": f"{name}ing batch 1 of 1",
                "fine_labels": fine,
                "coarse_labels": [label // 5 for label in fine],
                "data": rng.integers(0, 256, (len(fine), 3072), dtype=np.uint8),
            }
            names = [f"class {k}" for k in range(100)]
            meta = {"fine_label_names": names, "coarse_label_names": names[:20]}
            data = python2_pickle(meta if name == "meta" else content)
            (folder / name).write_bytes(data)
            md5s[name] = hashlib.md5(data).hexdigest()
        monkeypatch.setattr(CIFAR100, "train_list", [["train", md5s["train"]]])
        monkeypatch.setattr(CIFAR100, "test_list", [["test", md5s["test"]]])
        monkeypatch.setattr(CIFAR100, "meta", {**CIFAR100.meta, "md5": md5s["meta"]})
        return root

    return write


@pytest.fixture
def tiny_cifar100(tmp_path: Path, write_cifar100: WriteCifar) -> Path:
    """Root of a CIFAR-100 with 100 training and 100 test images, that of `tiny_cifar` too."""
    return write_cifar100(tmp_path / "tiny")


@pytest.fixture
def tiny_mnist(tmp_path: Path) -> Path:
    """Root of an MNIST with 100 training and 20 test images, that of `tiny_cifar` too."""
    folder = tmp_path / "tiny" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(28)
    for part, size in [("train", 100), ("t10k", 20)]:
        images = rng.integers(0, 256, (size, 28, 28), dtype=np.uint8)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(size, dtype=np.uint8) % 10))
    return tmp_path / "tiny"


def idx(values: np.ndarray) -> bytes:
    """Bytes in the IDX format of MNIST's page: zeros, type 8 (uint8), dimensions, their sizes big-endian, values."""
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


def python2_pickle(value: Any) -> bytes:
    """Pickle as Python 2 and numpy 1 did, whose strings are bytes to Python 3."""
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value: Any) -> bytes:
    match value:
        case int():
            return b"J" + struct.pack("<i", value)
        case str():
            return _opcodes(value.encode("ascii"))
        case bytes():
            return b"T" + struct.pack("<i", len(value)) + value
        case list():
            return b"](" + b"".join(map(_opcodes, value)) + b"e"
        case dict():
            return b"}(" + b"".join(_opcodes(part) for item in value.items() for part in item) + b"u"
        case np.ndarray():  # two-dimensional, uint8
            empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
            dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN" + _opcodes(-1) * 2 + b"K\x00tb"
            shape = _opcodes(value.shape[0]) + _opcodes(value.shape[1]) + b"\x86"
            return empty + b"(K\x01" + shape + dtype + b"\x89" + _opcodes(value.tobytes()) + b"tb"
    raise TypeError(type(value))


@pytest.fixture
def make_trainer(tmp_path: Path) -> Callable[..., Any]:
    """Function from arguments to a trainer on the CPU that writes and shows nothing."""
    from pytorch_lightning import Trainer

    return partial(
        Trainer,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=str(tmp_path),
    )
