"""Reading the real file format, whole or damaged."""

import hashlib
import pickle
import tarfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10

from lossatlas.data.cifar_archive import ARCHIVE, FOLDER, CifarArchive, download_cifar10


def packed(root: Path, archive_root: Path) -> Path:
    archive_root.mkdir()
    with tarfile.open(archive_root / ARCHIVE, "w:gz") as archive:
        archive.add(root / FOLDER, arcname=FOLDER)
    return archive_root


def test_images_and_classes_are_those_that_torchvision_reads(
    tiny_cifar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda self: True)
    md5 = hashlib.md5((tiny_cifar / FOLDER / "batches.meta").read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": md5})
    theirs = CIFAR10(str(tiny_cifar), train=False)
    archive = CifarArchive(tiny_cifar)
    images, labels = archive.batch("test_batch")
    assert np.array_equal(images.permute(0, 2, 3, 1).numpy(), theirs.data)  # theirs are (N, H, W, C)
    assert labels.tolist() == theirs.targets
    assert archive.class_names() == theirs.classes


def test_the_tar_archive_is_read_without_unpacking(tiny_cifar: Path, tmp_path: Path) -> None:
    root = packed(tiny_cifar, tmp_path / "packed")
    images, labels = CifarArchive(root).batch("data_batch_3")
    expected, expected_labels = CifarArchive(tiny_cifar).batch("data_batch_3")
    assert torch.equal(images, expected)
    assert torch.equal(labels, expected_labels)
    assert [path.name for path in root.iterdir()] == [ARCHIVE]


def test_a_data_set_that_is_not_there_says_what_to_type_and_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=rf"not in {tmp_path}: type data.download=true .* put {ARCHIVE}"
    ):
        CifarArchive(tmp_path)


def test_a_missing_file_is_named(tiny_cifar: Path) -> None:
    (tiny_cifar / FOLDER / "data_batch_2").unlink()
    with pytest.raises(FileNotFoundError, match="data_batch_2 is missing from CIFAR-10 in"):
        CifarArchive(tiny_cifar).batch("data_batch_2")


def test_a_file_missing_from_the_archive_is_named(tiny_cifar: Path, tmp_path: Path) -> None:
    (tiny_cifar / FOLDER / "data_batch_2").unlink()
    with pytest.raises(FileNotFoundError, match="data_batch_2 is missing from CIFAR-10 in"):
        CifarArchive(packed(tiny_cifar, tmp_path / "packed")).batch("data_batch_2")


def test_a_truncated_file_is_named(tiny_cifar: Path) -> None:
    path = tiny_cifar / FOLDER / "test_batch"
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="test_batch is damaged and cannot be read"):
        CifarArchive(tiny_cifar).batch("test_batch")


def test_a_truncated_archive_is_named(tiny_cifar: Path, tmp_path: Path) -> None:
    path = packed(tiny_cifar, tmp_path / "packed") / ARCHIVE
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ValueError, match=f"{ARCHIVE} is damaged and cannot be read"):
        CifarArchive(path.parent)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"labels": [0]}, "it has no data"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [0, 1]}, "expected 2 rows of 3072 uint8"),
        ({"data": np.zeros((1, 3072), np.float32), "labels": [0]}, r"got \(1, 3072\) float32"),
    ],
)
def test_a_file_with_other_content_is_named(tiny_cifar: Path, content: dict, message: str) -> None:
    (tiny_cifar / FOLDER / "test_batch").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(ValueError, match=f"test_batch is damaged.*{message}"):
        CifarArchive(tiny_cifar).batch("test_batch")


class Touch:
    """Pickles as a call that makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return open, (str(self.path), "w")


def test_a_file_that_carries_code_is_refused_and_the_code_not_run(tiny_cifar: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (tiny_cifar / FOLDER / "test_batch").write_bytes(pickle.dumps(Touch(mark), protocol=2))
    with pytest.raises(ValueError, match=r"test_batch is damaged.*open, which no data set needs"):
        CifarArchive(tiny_cifar).batch("test_batch")
    assert not mark.exists()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(tiny_cifar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Archive that torchvision takes for the real one, served on this machine in place of the web."""
    path = packed(tiny_cifar, tmp_path / "server") / ARCHIVE
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=path.parent)) as server:
        monkeypatch.setattr(CIFAR10, "url", f"http://127.0.0.1:{server.server_port}/{ARCHIVE}")
        monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(path.read_bytes()).hexdigest())
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield path
        server.shutdown()
        thread.join()


def test_download_fetches_the_archive_once_and_replaces_a_partial_one(server: Path, tmp_path: Path) -> None:
    root = tmp_path / "new" / "data"
    root.mkdir(parents=True)
    (root / ARCHIVE).write_bytes(server.read_bytes()[:1000])
    download_cifar10(root)
    assert (root / ARCHIVE).read_bytes() == server.read_bytes()
    server.unlink()
    download_cifar10(root)
    assert len(CifarArchive(root).class_names()) == 10


def test_a_download_that_fails_says_where_to_put_the_archive(server: Path, tmp_path: Path) -> None:
    server.unlink()
    with pytest.raises(ConnectionError, match=f"could not be fetched: .*; put {ARCHIVE} into"):
        download_cifar10(tmp_path / "new")


def test_nothing_is_fetched_where_the_folder_is(tiny_cifar: Path, server: Path) -> None:
    server.unlink()
    download_cifar10(tiny_cifar)
    assert not (tiny_cifar / ARCHIVE).exists()
