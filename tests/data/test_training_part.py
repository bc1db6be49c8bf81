"""Which training images a member of an ensemble is trained on, of every data set."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.model_selection import StratifiedKFold

from lossatlas.data import ImageData, bagged, digits, synthetic_blobs, synthetic_images, without_fold
from lossatlas.data.training_part import rows_trained_on
from lossatlas.runs.build import build_data
from lossatlas.runs.composition.compose import compose_job

COMMON: dict[str, Any] = {"batch_size": 16, "shape": (1, 8, 8), "classes": 10}


def images(data: ImageData, split: str = "train") -> list[tuple[float, ...]]:
    """Pixels and class of each image; no two digits are alike."""
    of_split = data.splits[split]
    pairs = zip(of_split.inputs.flatten(1).tolist(), of_split.targets.tolist(), strict=True)
    return [(*pixels, target) for pixels, target in pairs]


@pytest.fixture(scope="module")
def whole() -> ImageData:
    return digits(**COMMON)


def test_folds_share_out_the_images_and_all_but_one_is_the_rest(whole: ImageData) -> None:
    """As even as those of scikit-learn, of every class."""
    targets = whole.splits["train"].targets
    folds = [rows_trained_on("one_fold", targets, k, parts=4) for k in range(4)]
    rests = [rows_trained_on("all_but_fold", targets, k, parts=4) for k in range(4)]
    for fold, rest in zip(folds, rests, strict=True):
        assert sorted([*fold.tolist(), *rest.tolist()]) == list(range(1000))
    assert sorted(torch.cat(folds).tolist()) == list(range(1000))
    theirs = [rows for _, rows in StratifiedKFold(4).split(np.zeros(1000), targets.numpy())]
    assert sorted(map(len, folds)) == sorted(map(len, theirs))
    counts = torch.stack([targets[rows].bincount() for rows in folds])
    assert (counts.amax(0) - counts.amin(0)).max() <= 1


@pytest.mark.parametrize("train_on", ["bootstrap", "all_but_fold", "one_fold"])
def test_what_members_are_judged_on_and_the_normalisation_stay(whole: ImageData, train_on: str) -> None:
    data = digits(**COMMON, train_on=train_on, part=3)
    for split in ("validation", "test"):
        assert images(data, split) == images(whole, split)
    assert set(images(data)) < set(images(whole))
    expected = (data.splits["train"].inputs - 4.8813) / 6.0162
    torch.testing.assert_close(data.normalized("train")[0], expected)


def test_they_are_what_the_older_data_sets_have() -> None:
    def of(**changes: Any) -> ImageData:
        return digits(**{**COMMON, **changes})

    assert images(bagged(of=of, **COMMON, resample=2)) == images(of(train_on="bootstrap", part=2))
    left_out = without_fold(of=of, **COMMON, left_out=2, folds=4)
    assert images(left_out) == images(of(train_on="all_but_fold", part=2, parts=4))


@pytest.mark.parametrize("train_on", ["bootstrap", "all_but_fold", "one_fold"])
def test_label_noise_does_not_change_who_is_there(train_on: str) -> None:
    """Nor does who is there change what an image is labelled."""
    clean, noisy, everything = (
        digits(**COMMON, label_noise=noise, train_on=part, part=int(part != "all"))
        for noise, part in ((0.0, train_on), (0.2, train_on), (0.2, "all"))
    )
    assert clean.splits["train"].inputs.equal(noisy.splits["train"].inputs)
    assert not clean.splits["train"].targets.equal(noisy.splits["train"].targets)
    assert noisy.clean_targets.equal(clean.splits["train"].targets)
    assert set(images(noisy)) <= set(images(everything))


@pytest.mark.parametrize("choice", ["synthetic_blobs", "synthetic_images", "noise", "digits"])
def test_every_choice_of_data_takes_it_and_the_seed_may_be_its_number(choice: str) -> None:
    where = [f"data={choice}", "data.train_on=bootstrap", "data.part=${seed}"]
    zero, one = (build_data(compose_job([*where, f"seed={s}"]).config) for s in (0, 1))
    assert images(zero) != images(one)
    assert len(zero.splits["train"]) == len(one.splits["train"])


@pytest.mark.parametrize("choice", ["cifar10", "cifar100", "mnist"])
def test_so_do_those_that_are_fetched(choice: str) -> None:
    config = compose_job([f"data={choice}", "data.train_on=one_fold", "data.part=4"]).config["data"]
    assert (config["train_on"], config["part"], config["parts"]) == ("one_fold", 4, 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_on": "bootstrapped"}, r"unknown train_on .* \(did you mean bootstrap\?\)"),
        ({"train_on": "bootstrap", "part": -1}, "part counts resamples from 0, got -1"),
        ({"part": 2}, "part = 2 is the number of a resample or fold, and train_on=all has one part, 0"),
        ({"train_on": "one_fold", "part": 5}, "part must be 0 to 4 with parts = 5, got 5"),
        (
            {"train_on": "one_fold", "parts": 1},
            "parts must be 2 to 97, the size of the smallest class, got 1$",
        ),
        ({"train_on": "one_fold", "parts": 98}, "got 98: a fold would leave a class out$"),
        ({"train_on": "all_but_fold", "parts": 1001}, "got 1001: there are 1000 images$"),
        (
            {"train_on": "one_fold", "parts": 90},
            "batch_size must be 1 to 12, the size of the training set, got 16",
        ),
    ],
)
def test_a_part_that_there_is_not_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        digits(**{**COMMON, **changes})


def test_all_is_the_split_itself() -> None:
    for make in (digits, synthetic_blobs, synthetic_images):
        data = make(**COMMON, train_on="all")
        assert images(data) == images(make(**COMMON))
