import math

import pytest
import torch
from scipy.stats import binomtest, norm

from lossatlas.data import synthetic_blobs, synthetic_images


def test_two_blobs_overlap_as_two_gaussians_do() -> None:
    """The best classifier of two unit Gaussians a distance d apart errs with probability Phi(-d / 2)."""
    data = synthetic_blobs(batch_size=8, shape=[1, 4, 4], classes=2, train=4000, test=8000, separation=2.0)
    train, test = data.splits["train"], data.splits["test"]
    centres = torch.stack([train.inputs[train.targets == k].mean(0) for k in (0, 1)]).flatten(1)
    guess = torch.cdist(test.inputs.flatten(1), centres).argmin(1)
    wrong = int((guess != test.targets).sum())
    low, high = binomtest(wrong, 8000).proportion_ci(0.999)
    assert low - 0.005 < norm.cdf(-1.0) < high + 0.005  # 0.005: the centres are estimated


def test_all_blobs_are_equally_far_apart() -> None:
    data = synthetic_blobs(batch_size=8, shape=[3, 4, 4], classes=4, train=8000, separation=10.0)
    split = data.splits["train"]
    centres = torch.stack([split.inputs[split.targets == k].mean(0) for k in range(4)]).flatten(1)
    torch.testing.assert_close(torch.pdist(centres), torch.full((6,), 10.0), rtol=0.02, atol=0)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_images_are_bytes_of_about_unit_deviation_when_normalised(noise: float) -> None:
    data = synthetic_images(batch_size=8, shape=[3, 16, 16], classes=4, noise=noise)
    inputs, _ = data.normalized("train")
    assert data.splits["train"].inputs.dtype == torch.uint8
    assert inputs.mean().abs() < 0.02
    assert (inputs.std() - 1).abs() < 0.02


def test_the_noise_is_in_units_of_the_pattern() -> None:
    data = synthetic_images(batch_size=8, shape=[1, 16, 16], classes=2, train=512, noise=0.5)
    pixels = data.splits["train"].inputs[::2].double()  # of class 0
    pattern = pixels.mean(0).std()
    assert math.isclose(pixels.std(0).mean() / pattern, 0.5, rel_tol=0.05)


@pytest.mark.parametrize("make", [synthetic_blobs, synthetic_images])
def test_a_split_depends_on_its_own_size_and_the_data_seed_alone(make: type) -> None:
    base = {"batch_size": 8, "shape": [1, 5, 4], "classes": 3}
    one = make(**base, train=50, test=20)
    longer = make(**base, train=90, test=20)
    other = make(**base, train=50, test=20, data_seed=1)
    assert torch.equal(one.splits["test"].inputs, longer.splits["test"].inputs)
    assert not torch.equal(one.splits["test"].inputs, other.splits["test"].inputs)
    assert not torch.equal(one.splits["test"].inputs, one.splits["train"].inputs[:20])
    assert one.splits["train"].targets.bincount().tolist() == [17, 17, 16]


@pytest.mark.parametrize("make", [synthetic_blobs, synthetic_images])
def test_a_validation_split_of_no_images_is_left_out(make: type) -> None:
    data = make(batch_size=8, shape=[1, 4, 4], classes=3, validation=0)
    assert list(data.splits) == ["train", "test"]


@pytest.mark.parametrize("make", [synthetic_blobs, synthetic_images])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": 0}, "the train split is empty"),
        ({"test": -1}, "test must be >= 0, got -1"),
        ({"classes": 1}, "classes must be .*got 1"),
        ({"batch_size": 0}, "batch_size must be 1 to 256"),
    ],
)
def test_bad_arguments_are_refused(make: type, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**{"batch_size": 8, "shape": [1, 4, 4], "classes": 3, **changes})


def test_arguments_of_one_kind_only_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"classes must be 2 to 4, the number of pixels of \(1, 2, 2\), got 5"
    ):
        synthetic_blobs(batch_size=8, shape=[1, 2, 2], classes=5)
    with pytest.raises(ValueError, match=r"separation must be >= 0, got -1"):
        synthetic_blobs(batch_size=8, shape=[1, 2, 2], classes=2, separation=-1)
    with pytest.raises(ValueError, match=r"noise must be >= 0, got -1"):
        synthetic_images(batch_size=8, shape=[1, 2, 2], classes=2, noise=-1)
