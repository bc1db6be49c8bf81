"""CIFAR-10 on a tiny archive in the format of the real one (tests/conftest.py)."""

import hashlib
import shutil
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from filelock import FileLock
from torchvision.datasets import CIFAR10
from torchvision.transforms import v2

from lossatlas.data import Augmentation, RandomCrop, RandomHorizontalFlip, cifar10

ARCHIVE, FOLDER = "cifar-10-python.tar.gz", "cifar-10-batches-py"
load = partial(cifar10, batch_size=10, shape=[3, 32, 32], classes=10)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def archive(tiny_cifar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Archive of the tiny CIFAR-10, served on this machine in place of the web."""
    path = tmp_path / "web" / ARCHIVE
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as tar:
        tar.add(tiny_cifar / FOLDER, arcname=FOLDER)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=path.parent)) as server:
        monkeypatch.setattr(CIFAR10, "url", f"http://127.0.0.1:{server.server_port}/{ARCHIVE}")
        monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(path.read_bytes()).hexdigest())
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield path
        server.shutdown()
        thread.join()


def test_images_are_bytes_and_each_has_the_pixels_and_class_that_torchvision_gives_it(
    tiny_cifar: Path,
) -> None:
    data = load(root=tiny_cifar)
    for split, train, size in [("train", True, 100), ("test", False, 20)]:
        images, targets = data.splits[split].inputs, data.splits[split].targets
        theirs = [
            (v2.functional.pil_to_tensor(image), target) for image, target in CIFAR10(tiny_cifar, train)
        ]
        assert len(theirs) == size
        assert images.dtype == torch.uint8
        assert torch.equal(images, torch.stack([image for image, _ in theirs]))
        assert targets.tolist() == [target for _, target in theirs]


def test_whole_splits_are_normalised_as_torchvision_does_with_the_papers_numbers(tiny_cifar: Path) -> None:
    """Li et al.: Normalize(mean=[125.3, 123.0, 113.9] / 255, std=[63.0, 62.1, 66.7] / 255) after ToTensor."""
    data = load(root=tiny_cifar, augment={"crop": RandomCrop(4)})
    mean, std = ([x / 255 for x in row] for row in ([125.3, 123.0, 113.9], [63.0, 62.1, 66.7]))
    inputs, _ = data.normalized("train")
    expected = v2.functional.normalize(data.splits["train"].inputs / 255, mean, std)
    torch.testing.assert_close(inputs, expected, rtol=1e-5, atol=1e-6)


def test_validation_images_are_taken_from_the_training_set_and_stratified(tiny_cifar: Path) -> None:
    whole, parts = load(root=tiny_cifar), load(root=tiny_cifar, validation=30)
    assert list(whole.splits) == ["train", "test"]
    assert parts.splits["validation"].targets.bincount().tolist() == [3] * 10
    assert parts.splits["train"].targets.bincount().tolist() == [7] * 10
    together = torch.cat([parts.splits["train"].inputs, parts.splits["validation"].inputs]).flatten(1)
    assert sorted(together.tolist()) == sorted(whole.splits["train"].inputs.flatten(1).tolist())
    assert torch.equal(parts.splits["test"].inputs, whole.splits["test"].inputs)


@pytest.mark.parametrize("validation", [-1, 100])
def test_validation_must_leave_something_to_train_on(tiny_cifar: Path, validation: int) -> None:
    with pytest.raises(ValueError, match=f"must be 0 to 99 of the training images, got {validation}"):
        load(root=tiny_cifar, validation=validation)


def test_declared_facts_are_held_against_the_data(tiny_cifar: Path) -> None:
    with pytest.raises(ValueError, match="classes is declared as 100, but CIFAR-10 has 10"):
        load(root=tiny_cifar, classes=100)
    with pytest.raises(ValueError, match=r"shape is declared as \[1, 8, 8\], but the train images are"):
        load(root=tiny_cifar, shape=[1, 8, 8])


def test_the_papers_augmentation_keeps_black_borders_black(tiny_cifar: Path) -> None:
    """Padding happens before normalisation: pixels from outside are -mean / std, not 0."""
    augment: dict[str, Augmentation] = {"crop": RandomCrop(4), "flip": RandomHorizontalFlip()}
    data = load(root=tiny_cifar, batch_size=100, augment=augment)
    data.splits["train"].inputs.fill_(255)
    inputs, _ = data.batch(seed=0, step=0)
    black = torch.tensor([-125.3 / 63.0, -123.0 / 62.1, -113.9 / 66.7])
    torch.testing.assert_close(inputs.amin((0, 2, 3)), black)


def test_a_data_set_that_is_not_there_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"not in {tmp_path}: type data.download=true, which fetches"):
        load(root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_is_not_unpacked_says_what_to_type(archive: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"data\.download=true.*takes the one that lies there, and unpacks"
    ):
        load(root=archive.parent)


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [Path.unlink, flip_a_bit], ids=["missing", "damaged"])
@pytest.mark.parametrize("name", ["data_batch_2", "test_batch", "batches.meta"])
def test_a_file_that_is_missing_or_damaged_is_refused(
    tiny_cifar: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(tiny_cifar / FOLDER / name)
    with pytest.raises(ValueError, match=f"{FOLDER} is incomplete or damaged: remove .* data.download=true$"):
        load(root=tiny_cifar)


def test_download_fetches_and_unpacks_once(archive: Path, tmp_path: Path) -> None:
    root = tmp_path / "new" / "data"
    assert len(load(root=root, download=True).splits["train"]) == 100
    archive.unlink()
    (root / ARCHIVE).unlink()
    assert len(load(root=root, download=True).splits["train"]) == 100


def test_download_takes_an_archive_that_lies_there_and_mends_a_folder_that_is_not_whole(
    archive: Path, tiny_cifar: Path
) -> None:
    shutil.move(archive, tiny_cifar)
    (tiny_cifar / FOLDER / "data_batch_2").unlink()
    assert len(load(root=tiny_cifar, download=True).splits["train"]) == 100


def test_a_download_that_fails_says_where_to_put_the_archive(archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(b"<html>log in first</html>")
    with pytest.raises(ConnectionError, match=f"what came is not {ARCHIVE}; put it into {tmp_path / 'new'}"):
        load(root=tmp_path / "new", download=True)
    archive.unlink()
    with pytest.raises(ConnectionError, match=f"could not be fetched: .*; put {ARCHIVE} into"):
        load(root=tmp_path / "new", download=True)


def test_a_download_waits_for_another_process_that_is_at_it(archive: Path, tmp_path: Path) -> None:
    root = tmp_path / "new"
    root.mkdir()
    waiting = Thread(target=load, kwargs={"root": root, "download": True})
    with FileLock(root / "cifar-10.lock"):
        waiting.start()
        waiting.join(timeout=0.3)
        assert waiting.is_alive()
        assert not (root / ARCHIVE).exists()
    waiting.join()
    assert (root / FOLDER / "test_batch").exists()
