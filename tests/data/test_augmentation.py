import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor
from torchvision.transforms import v2

from lossatlas.data import ImageData, RandomCrop, RandomHorizontalFlip, Split

IMAGES = torch.randint(1, 256, (5, 3, 8, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def places_of(image: Tensor, cropped: Tensor, padding: int) -> list[tuple[int, int]]:
    """Places at which torchvision's pad and crop give ``cropped``."""
    padded = v2.functional.pad(image, [padding])
    height, width = image.shape[-2:]
    offsets = range(2 * padding + 1)
    crops = {(y, x): v2.functional.crop(padded, y, x, height, width) for y in offsets for x in offsets}
    return [place for place, crop in crops.items() if torch.equal(crop, cropped)]


def test_a_crop_is_one_of_torchvisions_zero_padded_crops_of_the_same_image() -> None:
    cropped, _ = RandomCrop(padding=2)(IMAGES, torch.arange(5), rng())
    assert [len(places_of(*pair, padding=2)) for pair in zip(IMAGES, cropped, strict=True)] == [1] * 5


def test_each_image_is_cropped_at_a_place_of_its_own_and_all_places_are_equally_likely() -> None:
    """The one bright pixel in the middle shows where each of 9,000 windows lay."""
    images = torch.zeros(9000, 1, 3, 3)
    images[:, :, 1, 1] = 1
    cropped, _ = RandomCrop(padding=1)(images, torch.zeros(9000), rng())
    counts = cropped.sum((0, 1)).flatten()
    assert counts.sum() == 9000
    assert chisquare(counts.numpy()).pvalue > 1e-3


def test_no_padding_leaves_the_images() -> None:
    assert torch.equal(RandomCrop(padding=0)(IMAGES, torch.arange(5), rng())[0], IMAGES)


def test_a_flip_is_torchvisions_flip_of_some_images_and_none_of_the_others() -> None:
    flipped, _ = RandomHorizontalFlip(p=0.5)(IMAGES.repeat(40, 1, 1, 1), torch.zeros(200), rng())
    mirrored = v2.functional.horizontal_flip(IMAGES).repeat(40, 1, 1, 1)
    is_mirrored = (flipped == mirrored).flatten(1).all(1)
    is_kept = (flipped == IMAGES.repeat(40, 1, 1, 1)).flatten(1).all(1)
    assert (is_mirrored ^ is_kept).all()
    assert 70 < is_mirrored.sum() < 130  # 100 expected, standard deviation 7


@pytest.mark.parametrize(("p", "expected"), [(0.0, IMAGES), (1.0, IMAGES.flip(-1))])
def test_probabilities_zero_and_one_are_never_and_always(p: float, expected: Tensor) -> None:
    assert torch.equal(RandomHorizontalFlip(p)(IMAGES, torch.arange(5), rng())[0], expected)


@pytest.mark.parametrize("change", [RandomCrop(4), RandomHorizontalFlip()])
def test_the_generator_alone_decides_and_the_input_is_not_written_to(
    change: RandomCrop | RandomHorizontalFlip,
) -> None:
    images, targets = IMAGES.repeat(8, 1, 1, 1), torch.arange(40)
    before = images.clone()
    first, kept = change(images, targets, rng(1))
    torch.rand(3)
    again, _ = change(images, targets, rng(1))
    other, _ = change(images, targets, rng(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(images, before)
    assert torch.equal(kept, targets)
    assert first.dtype == torch.uint8


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"padding counts pixels and must be >= 0, got -1"):
        RandomCrop(-1)
    with pytest.raises(ValueError, match=r"p is a probability and must be in \[0, 1\], got 1.5"):
        RandomHorizontalFlip(1.5)


def test_the_training_split_is_augmented_whole_and_in_its_order_by_a_seed_alone() -> None:
    """Ramps, so that a mirrored image tells itself; about half are, others for another seed."""
    ramp = torch.arange(8, dtype=torch.uint8).expand(200, 1, 4, 8).contiguous()
    split = Split(ramp, torch.arange(200) % 5)
    data = ImageData(
        {"train": split, "test": split},
        shape=(1, 4, 8),
        classes=5,
        mean=[1.0],
        std=[2.0],
        batch_size=10,
        augment={"flip": RandomHorizontalFlip()},
    )
    inputs, targets = data.augmented(seed=3)
    plain, _ = data.normalized("train")
    assert torch.equal(targets, split.targets)
    mirrored = inputs[:, 0, 0, 0] == plain[0, 0, 0, -1]
    assert torch.equal(inputs[~mirrored], plain[~mirrored])
    assert torch.equal(inputs[mirrored], plain[mirrored].flip(-1))
    assert 70 < int(mirrored.sum()) < 130
    assert torch.equal(data.augmented(seed=3)[0], inputs)
    assert not torch.equal(data.augmented(seed=4)[0], inputs)
