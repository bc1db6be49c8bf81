from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torchvision.transforms import v2

from lossatlas.data import RandomCrop, RandomHorizontalFlip, cifar10


def test_whole_splits_are_normalised_as_torchvision_does_with_the_papers_numbers(tiny_cifar: Path) -> None:
    """Li et al.: Normalize(mean=[125.3, 123.0, 113.9] / 255, std=[63.0, 62.1, 66.7] / 255) after ToTensor."""
    data = cifar10(
        root=tiny_cifar, batch_size=10, shape=[3, 32, 32], classes=10, augment={"crop": RandomCrop(4)}
    )
    mean, std = ([x / 255 for x in row] for row in ([125.3, 123.0, 113.9], [63.0, 62.1, 66.7]))
    inputs, _ = data.normalized("train")
    expected = v2.functional.normalize(data.splits["train"].inputs / 255, mean, std)
    assert inputs.shape == (100, 3, 32, 32)
    torch.testing.assert_close(inputs, expected, rtol=1e-5, atol=1e-6)


def test_raw_pixels_stay_bytes(tiny_cifar: Path) -> None:
    data = cifar10(root=tiny_cifar, batch_size=10, shape=[3, 32, 32], classes=10)
    assert {name: split.inputs.dtype for name, split in data.splits.items()} == {
        "train": torch.uint8,
        "test": torch.uint8,
    }


def test_validation_images_are_taken_from_the_training_set_and_stratified(tiny_cifar: Path) -> None:
    whole = cifar10(root=tiny_cifar, batch_size=10, shape=[3, 32, 32], classes=10)
    parts = cifar10(root=tiny_cifar, batch_size=10, shape=[3, 32, 32], classes=10, validation=30)
    assert parts.splits["validation"].targets.bincount().tolist() == [3] * 10
    assert parts.splits["train"].targets.bincount().tolist() == [7] * 10
    together = torch.cat([parts.splits["train"].inputs, parts.splits["validation"].inputs]).flatten(1)
    assert sorted(together.tolist()) == sorted(whole.splits["train"].inputs.flatten(1).tolist())
    assert torch.equal(parts.splits["test"].inputs, whole.splits["test"].inputs)


@pytest.mark.parametrize("validation", [-1, 100])
def test_validation_must_leave_something_to_train_on(tiny_cifar: Path, validation: int) -> None:
    with pytest.raises(
        ValueError, match=f"validation must be 0 to 99 of the training images, got {validation}"
    ):
        cifar10(root=tiny_cifar, batch_size=10, shape=[3, 32, 32], classes=10, validation=validation)


def test_declared_facts_are_held_against_the_data(tiny_cifar: Path) -> None:
    with pytest.raises(ValueError, match=r"classes is declared as 100, but CIFAR-10 in .* has 10"):
        cifar10(root=tiny_cifar, batch_size=10, shape=[3, 32, 32], classes=100)
    with pytest.raises(
        ValueError, match=r"shape is declared as \[1, 8, 8\], but the train images are \[3, 32, 32\]"
    ):
        cifar10(root=tiny_cifar, batch_size=10, shape=[1, 8, 8], classes=10)


def test_the_papers_augmentation_keeps_black_borders_black(
    tmp_path: Path, write_cifar: Callable[..., Path]
) -> None:
    """Padding happens before normalisation: pixels from outside are -mean / std, not 0."""
    augment = {"crop": RandomCrop(4), "flip": RandomHorizontalFlip()}
    data = cifar10(
        root=write_cifar(tmp_path / "c"), batch_size=100, shape=[3, 32, 32], classes=10, augment=augment
    )
    data.splits["train"].inputs.fill_(255)
    inputs, _ = data.batch(seed=0, step=0)
    black = torch.tensor([-125.3 / 63.0, -123.0 / 62.1, -113.9 / 66.7])
    torch.testing.assert_close(inputs.amin((0, 2, 3)), black)
