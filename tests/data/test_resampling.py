from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch

from lossatlas.data import ImageData, bagged, digits, without_fold
from lossatlas.runs.build import build_data
from lossatlas.runs.composition.compose import compose_job

COMMON = {"of": partial(digits), "batch_size": 16, "shape": (1, 8, 8), "classes": 10}


@pytest.fixture(scope="module")
def whole() -> ImageData:
    return digits(batch_size=16, shape=(1, 8, 8), classes=10)


def images(data: ImageData, split: str = "train") -> list[tuple[float, ...]]:
    """Pixels and class of each image; no two digits are alike."""
    of_split = data.splits[split]
    pairs = zip(of_split.inputs.flatten(1).tolist(), of_split.targets.tolist(), strict=True)
    return [(*pixels, target) for pixels, target in pairs]


def test_a_resample_has_as_many_images_and_1_minus_1_over_e_of_them(whole: ImageData) -> None:
    there, distinct = set(images(whole)), []
    for resample in range(20):
        drawn = images(bagged(**COMMON, resample=resample))
        assert len(drawn) == 1000
        assert set(drawn) <= there
        distinct.append(len(set(drawn)))
    spread = np.sqrt(1000 * (np.exp(-1) - 2 * np.exp(-2)))  # of the number of distinct images of one resample
    assert np.mean(distinct) == pytest.approx(1000 * (1 - np.exp(-1)), abs=4 * spread / np.sqrt(20))


def test_resamples_are_told_apart_by_their_number_alone() -> None:
    again = [images(bagged(**COMMON, resample=2)) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0] != images(bagged(**COMMON, resample=3))


def test_a_member_sees_all_folds_but_one(whole: ImageData) -> None:
    left = [images(without_fold(**COMMON, left_out=k, folds=4)) for k in range(4)]
    assert [len(part) for part in left] == [750] * 4
    together = sorted(image for part in left for image in part)
    assert together == sorted(images(whole) * 3)  # each image is left out once
    classes = torch.tensor([[image[-1] for image in part] for part in left], dtype=torch.int64)
    counts = torch.stack([part.bincount() for part in classes])
    assert (counts.amax(0) - counts.amin(0)).max() <= 1


@pytest.mark.parametrize("choice", [bagged, without_fold])
def test_what_members_are_judged_on_stays(whole: ImageData, choice: Callable[..., ImageData]) -> None:
    data = choice(**COMMON)
    for split in ("validation", "test"):
        assert images(data, split) == images(whole, split)
        torch.testing.assert_close(data.normalized(split)[0], whole.normalized(split)[0], rtol=0, atol=0)


def test_an_image_drawn_twice_is_normalised_as_it_is_in_the_whole() -> None:
    data = bagged(**COMMON, resample=1)
    inputs, _ = data.normalized("train")
    expected = (data.splits["train"].inputs - 4.8813) / 6.0162
    torch.testing.assert_close(inputs, expected)


@pytest.mark.parametrize(
    ("choice", "key"), [("digits_bagged", "data.resample"), ("digits_without_fold", "data.left_out")]
)
def test_a_configuration_can_tie_the_part_to_the_seed(choice: str, key: str) -> None:
    """So that the members of an ensemble differ in both."""
    given = [
        build_data(compose_job([f"data={choice}", f"{key}=${{seed}}", f"seed={s}"]).config) for s in (0, 1)
    ]
    assert images(given[0]) != images(given[1])


@pytest.mark.parametrize(
    ("choice", "changes", "message"),
    [
        (bagged, {"resample": -1}, "resample counts from 0, got -1"),
        (bagged, {"classes": 11}, "classes must be 2 to 10, the digits 0 to classes - 1, got 11"),
        (without_fold, {"left_out": 5}, "left_out must be 0 to 4 with folds = 5, got 5"),
        (without_fold, {"folds": 1}, "folds must be 2 to 97, the size of the smallest class, got 1"),
        (
            without_fold,
            {"batch_size": 900},
            "batch_size must be 1 to 800, the size of the training set, got 900",
        ),
    ],
)
def test_bad_arguments_are_refused(choice: Callable[..., ImageData], changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choice(**{**COMMON, **changes})


def test_label_noise_does_not_change_who_is_left_out() -> None:
    clean, noisy = (
        without_fold(
            of=partial(digits, label_noise=noise), batch_size=16, shape=(1, 8, 8), classes=10, left_out=0
        )
        for noise in (0.0, 0.2)
    )
    assert clean.splits["train"].inputs.equal(noisy.splits["train"].inputs)
    assert not clean.splits["train"].targets.equal(noisy.splits["train"].targets)
