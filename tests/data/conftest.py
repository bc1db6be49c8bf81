"""A CIFAR-10 of a few images, byte for byte as Python 2 and numpy 1 pickled the real one."""

import struct
from collections.abc import Callable
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


@singledispatch
def opcodes(value: Any) -> bytes:
    raise TypeError(type(value))


@opcodes.register
def _(value: str | bytes) -> bytes:
    text = value if isinstance(value, bytes) else value.encode("ascii")
    return b"U" + bytes([len(text)]) + text if len(text) < 256 else b"T" + struct.pack("<i", len(text)) + text


@opcodes.register
def _(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


@opcodes.register
def _(value: list) -> bytes:
    return b"](" + b"".join(map(opcodes, value)) + b"e"


@opcodes.register
def _(value: dict) -> bytes:
    return b"}(" + b"".join(opcodes(key) + opcodes(item) for key, item in value.items()) + b"u"


@opcodes.register
def _(value: np.ndarray) -> bytes:
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = opcodes(value.shape[0]) + opcodes(value.shape[1]) + b"\x86"
    return empty + b"(K\x01" + shape + dtype + b"\x89" + opcodes(value.tobytes()) + b"tb"


def python2_pickle(value: Any) -> bytes:
    return b"\x80\x02" + opcodes(value) + b"."


@pytest.fixture
def write_cifar() -> Callable[..., Path]:
    """Function that writes the folder under a root, with so many images of each class in each file."""

    def write(root: Path, each: int = 2) -> Path:
        folder = root / "cifar-10-batches-py"
        folder.mkdir(parents=True)
        rng = np.random.default_rng(0)
        labels = list(range(10)) * each
        for name in [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]:
            data = rng.integers(0, 256, (len(labels), 3072), dtype=np.uint8)
            names = [f"{CLASSES[label]}_{k}.png" for k, label in enumerate(labels)]
            content = {"batch_label": name, "labels": labels, "data": data, "filenames": names}
            (folder / name).write_bytes(python2_pickle(content))
        meta = {"num_cases_per_batch": len(labels), "label_names": CLASSES, "num_vis": 3072}
        (folder / "batches.meta").write_bytes(python2_pickle(meta))
        return root

    return write


@pytest.fixture
def tiny_cifar(tmp_path: Path, write_cifar: Callable[..., Path]) -> Path:
    """Root of a CIFAR-10 with 100 training and 20 test images."""
    return write_cifar(tmp_path / "tiny")
