import numpy as np
import pytest
import torch
from scipy.stats import beta, kstest
from torch import Tensor
from torchvision.transforms import v2

from lossatlas.data import CutMix, ImageData, Mixup, RandomHorizontalFlip, Split

N = 400
NUMBERS = torch.arange(N)
IMAGES = NUMBERS.float().reshape(N, 1, 1, 1).expand(N, 1, 8, 12)  # each pixel says whose it is
MIXING = pytest.mark.parametrize("kind", [Mixup, CutMix])


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shares(soft: Tensor) -> Tensor:
    """Share of its own target that each image has kept; those that were mixed with themselves are left out."""
    own = soft[NUMBERS, NUMBERS]
    return own[(soft > 0).sum(1) == 2]


@MIXING
def test_targets_are_mixed_as_the_pixels_are(kind: type) -> None:
    mixed, soft = kind(classes=N)(IMAGES, NUMBERS, rng())
    torch.testing.assert_close(soft.sum(1), torch.ones(N))
    assert ((soft > 0).sum(1) <= 2).all()
    torch.testing.assert_close(mixed.mean((1, 2, 3)), soft @ NUMBERS.float(), rtol=1e-4, atol=1e-3)


def test_mixup_mixes_whole_images_by_a_beta_variable_each() -> None:
    mixed, soft = Mixup(classes=N, alpha=0.4)(IMAGES, NUMBERS, rng())
    assert (mixed == mixed[:, :, :1, :1]).all()
    assert kstest(shares(soft).numpy(), beta(0.4, 0.4).cdf).pvalue > 1e-3


def test_mixup_is_torchvisions_for_a_coefficient_of_the_batch() -> None:
    """Theirs rolls the batch by one and draws by the global generator: given our partner and coefficient it agrees."""
    ours, soft = Mixup(classes=3, draws="batch")(IMAGES[:2], torch.tensor([0, 2]), rng(1))
    own = float(soft[0, 0])
    theirs = v2.MixUp(num_classes=3)
    theirs.make_params = lambda _: {"lam": own}  # type: ignore[method-assign]
    images, targets = theirs(IMAGES[:2], torch.tensor([0, 2]))
    torch.testing.assert_close(ours, images)
    torch.testing.assert_close(soft, targets)


def test_cutmix_fills_one_box_whose_area_before_it_is_cut_off_is_that_of_a_beta_variable() -> None:
    mixed, _ = CutMix(classes=N)(IMAGES, NUMBERS, rng())
    foreign = (mixed != IMAGES)[:, 0]
    rows, columns = foreign.any(2), foreign.any(1)
    assert torch.equal(foreign, rows[:, :, None] & columns[:, None, :])  # one box
    for along in (rows, columns):  # without gaps
        assert ((along[:, 1:] != along[:, :-1]).sum(1) <= 2).all()
    heights, widths = rows.sum(1)[foreign.flatten(1).any(1)], columns.sum(1)[foreign.flatten(1).any(1)]
    assert (heights.max(), widths.max()) == (
        6,
        10,
    )  # halves of what is below 8 and 12, to both sides of the centre
    assert (
        0.15 < float((heights * widths).float().mean()) / 96 < 0.4
    )  # half of the images, less what is cut off


def test_one_coefficient_for_the_batch_if_asked_for() -> None:
    _, soft = Mixup(classes=N, draws="batch")(IMAGES, NUMBERS, rng())
    assert len(shares(soft).unique()) == 1
    mixed, _ = CutMix(classes=N, draws="batch")(IMAGES, NUMBERS, rng(3))
    sizes = (mixed != IMAGES).flatten(1).sum(1)
    assert len(np.unique(sizes)) > 1  # at the border they are cut off


@MIXING
def test_the_generator_alone_decides_and_targets_that_are_mixed_can_be_mixed_again(kind: type) -> None:
    once = kind(classes=N)(IMAGES, NUMBERS, rng(1))
    torch.rand(3)
    again = kind(classes=N)(IMAGES, NUMBERS, rng(1))
    assert all(map(torch.equal, once, again))
    _, soft = kind(classes=N)(*once, rng(2))
    torch.testing.assert_close(soft.sum(1), torch.ones(N))
    assert (soft > 0).sum(1).max() in (3, 4)


def data(**augment: object) -> ImageData:
    split = Split(torch.rand(40, 1, 4, 8, generator=rng()), torch.arange(40) % 5)
    return ImageData(
        {"train": split, "test": split},
        shape=(1, 4, 8),
        classes=5,
        mean=[0.5],
        std=[2.0],
        batch_size=10,
        augment=augment,
    )


def test_a_batch_is_mixed_after_all_else_and_evaluation_is_not() -> None:
    """Mixup stands first here: each image is a mixture of two of those that were flipped."""
    mixed = data(mixup=Mixup(classes=5), flip=RandomHorizontalFlip())
    inputs, targets = mixed.batch(seed=0, step=3)
    plain, hard = data(flip=RandomHorizontalFlip()).batch(seed=0, step=3)
    assert targets.shape == (10, 5)
    assert mixed.normalized("train")[1].dtype == hard.dtype
    two = (targets > 0).sum(1) == 2
    assert two.sum() > 4
    for image, target in zip(inputs[two], targets[two], strict=True):
        one, other = target.nonzero().flatten().tolist()
        mixtures = [torch.lerp(b, a, target[one]) for a in plain[hard == one] for b in plain[hard == other]]
        assert min(float((image - mixture).abs().max()) for mixture in mixtures) < 1e-6
    with pytest.raises(
        ValueError, match=r"^augment.mixup mixes images of a batch, and has no place in a whole"
    ):
        mixed.augmented(seed=0)


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha must be positive, got 0"):
        Mixup(classes=3, alpha=0)
    with pytest.raises(ValueError, match="draws must be image or batch, got 'all'"):
        CutMix(classes=3, draws="all")
    with pytest.raises(ValueError, match=r"^augment.mine: classes=3, but the data have 5$"):
        data(mine=Mixup(classes=3))
