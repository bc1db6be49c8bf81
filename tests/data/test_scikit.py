import hashlib

import pytest
import torch
from sklearn.datasets import load_digits

from lossatlas.data import ImageData, digits


def load(**changes: object) -> ImageData:
    return digits(**{"batch_size": 16, "shape": [1, 8, 8], "classes": 10, **changes})  # type: ignore[arg-type]


def test_the_splits_are_the_1797_images_each_once_with_its_class() -> None:
    data = load()
    bunch = load_digits()
    ours = [
        (*image, target)
        for split in data.splits.values()
        for image, target in zip(split.inputs.flatten(1).tolist(), split.targets.tolist(), strict=True)
    ]
    theirs = [
        (*image, target) for image, target in zip(bunch.data.tolist(), bunch.target.tolist(), strict=True)
    ]
    assert sorted(ours) == sorted(theirs)


def test_the_split_is_fixed() -> None:
    """Pinned: were it another, every result on it would be another."""
    data = load()
    names = {}
    for name, split in data.splits.items():
        content = split.inputs.numpy().astype("<f4").tobytes() + split.targets.numpy().astype("<i8").tobytes()
        names[name] = hashlib.sha256(content).hexdigest()[:12]
    assert names == {"train": "6c1297102fae", "validation": "adbbceb60e94", "test": "a2a61e20ca83"}


def test_the_training_pixels_have_mean_zero_and_deviation_one() -> None:
    inputs, _ = load().normalized("train")
    assert inputs.double().mean().abs() < 1e-4
    assert (inputs.double().std() - 1).abs() < 1e-4


def test_every_image_is_in_the_test_split_of_one_fold() -> None:
    tests = torch.cat([load(fold=k).splits["test"].inputs.flatten(1) for k in range(5)])
    assert sorted(tests.tolist()) == sorted(load_digits().data.tolist())


def test_a_folds_splits_do_not_overlap_and_keep_the_proportion() -> None:
    data = load(fold=2, folds=3)
    sizes = {name: len(split) for name, split in data.splits.items()}
    assert sizes == {"train": 1001, "validation": 197, "test": 599}
    together = torch.cat([split.inputs.flatten(1) for split in data.splits.values()])
    assert sorted(together.tolist()) == sorted(load_digits().data.tolist())


@pytest.mark.parametrize("changes", [{}, {"fold": 2}])
def test_fewer_classes_are_the_first_digits_of_the_same_splits(changes: dict) -> None:
    whole, three = load(**changes), load(classes=3, **changes)
    assert three.classes == 3
    for name, split in three.splits.items():
        theirs = whole.splits[name]
        assert split.targets.unique().tolist() == [0, 1, 2]
        assert torch.equal(split.targets, theirs.targets[theirs.targets < 3])
        assert torch.equal(split.inputs, theirs.inputs[theirs.targets < 3])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fold": 5}, "fold must be 0 to 4 with folds = 5, got 5"),
        ({"fold": -1}, "fold must be 0 to 4 with folds = 5, got -1"),
        ({"fold": 0, "folds": 1}, "folds must be 2 to 174"),
        ({"shape": [3, 32, 32]}, r"shape is declared as \[3, 32, 32\], but the train images are \[1, 8, 8\]"),
        ({"shape": [8, 8]}, r"shape must be \(channels, height, width\), got \(8, 8\)"),
        ({"classes": 1}, "classes must be 2 to 10, the digits 0 to classes - 1, got 1"),
        ({"classes": 11}, "classes must be 2 to 10, the digits 0 to classes - 1, got 11"),
        ({"batch_size": 1001}, "batch_size must be 1 to 1000, the size of the training set, got 1001"),
    ],
)
def test_bad_arguments_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(**changes)
