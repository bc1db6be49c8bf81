"""CIFAR-100 on tiny files in the format of the real ones (tests/conftest.py)."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torchvision.datasets import CIFAR100
from torchvision.transforms import v2

from lossatlas.data import cifar100

FOLDER = "cifar-100-python"
load = partial(cifar100, batch_size=10, shape=[3, 32, 32], classes=100)


def test_each_image_has_the_pixels_and_the_fine_class_that_torchvision_gives_it(tiny_cifar100: Path) -> None:
    data = load(root=tiny_cifar100)
    for split, train in [("train", True), ("test", False)]:
        images, targets = data.splits[split].inputs, data.splits[split].targets
        theirs = [
            (v2.functional.pil_to_tensor(image), target) for image, target in CIFAR100(tiny_cifar100, train)
        ]
        assert images.dtype == torch.uint8
        assert torch.equal(images, torch.stack([image for image, _ in theirs]))
        assert targets.tolist() == [target for _, target in theirs] == list(range(100))


def test_validation_images_are_taken_from_the_training_set(tmp_path: Path, write_cifar100: object) -> None:
    parts = load(root=write_cifar100(tmp_path, each=3), validation=100)  # type: ignore[operator]
    assert parts.splits["validation"].targets.bincount().tolist() == [1] * 100
    assert parts.splits["train"].targets.bincount().tolist() == [2] * 100


def test_declared_classes_are_held_against_the_data(tiny_cifar100: Path) -> None:
    with pytest.raises(ValueError, match="classes is declared as 10, but CIFAR-100 has 100"):
        load(root=tiny_cifar100, classes=10)


@pytest.mark.parametrize("name", ["train", "test", "meta"])
def test_a_file_that_is_missing_is_refused(tiny_cifar100: Path, name: str) -> None:
    (tiny_cifar100 / FOLDER / name).unlink()
    with pytest.raises(ValueError, match=f"CIFAR-100 in .*{FOLDER} is incomplete or damaged: remove"):
        load(root=tiny_cifar100)


def test_a_data_set_that_is_not_there_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"CIFAR-100 is not in .*fetches cifar-100-python\.tar\.gz"):
        load(root=tmp_path)
