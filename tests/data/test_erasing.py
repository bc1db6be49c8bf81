import pytest
import torch

from lossatlas.data import Cutout, GaussianNoise, ImageData, Split


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_each_image_loses_one_square_around_a_pixel_of_its_own_cut_off_at_the_border() -> None:
    images = torch.ones(2000, 2, 6, 8)
    cut, _ = Cutout(size=4)(images, torch.zeros(2000), rng())
    gone = (cut == 0).all(1)
    assert ((cut == 0) == gone[:, None]).all()  # of all channels
    rows, columns = gone.any(2), gone.any(1)
    assert torch.equal(gone, rows[:, :, None] & columns[:, None, :])
    # A centre in row c takes the rows c - 2 to c + 1, so that as many images have 2, 3, 4, 4, 4, 3 of them.
    heights, counts = rows.sum(1).unique(return_counts=True)
    assert heights.tolist() == [2, 3, 4]
    torch.testing.assert_close(counts / 2000, torch.tensor([1 / 6, 2 / 6, 3 / 6]), atol=0.05, rtol=0)
    assert (images == 1).all()


@pytest.mark.parametrize("size", [1, 3, 6])
def test_a_square_within_the_image_has_just_its_size(size: int) -> None:
    cut, _ = Cutout(size)(torch.ones(500, 1, 6, 6), torch.zeros(500), rng())
    assert int((cut == 0).sum((1, 2, 3)).max()) == (size * size if size < 6 else 36)


def test_two_holes_are_two() -> None:
    cut, _ = Cutout(1, holes=2)(torch.ones(200, 1, 9, 9), torch.zeros(200), rng())
    assert set((cut == 0).sum((1, 2, 3)).tolist()) == {1, 2}


def data(**augment: object) -> ImageData:
    split = Split(torch.full((40, 1, 8, 8), 100, dtype=torch.uint8), torch.arange(40) % 5)
    return ImageData(
        {"train": split, "test": split},
        shape=(1, 8, 8),
        classes=5,
        mean=[60.0],
        std=[20.0],
        batch_size=10,
        augment=augment,
    )


def test_what_is_cut_out_is_the_mean_of_the_data_and_noise_is_in_normalised_units() -> None:
    inputs, _ = data(cutout=Cutout(3)).batch(seed=0, step=0)
    assert inputs.unique().tolist() == [0.0, 2.0]
    noisy, _ = data(noise=GaussianNoise(0.5)).batch(seed=0, step=0)
    assert abs(float(noisy.std()) - 0.5) < 0.06
    assert abs(float(noisy.mean()) - 2.0) < 0.08
    assert torch.equal(noisy, data(noise=GaussianNoise(0.5)).batch(seed=0, step=0)[0])


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^augment.cutout: size=9 is larger than images of 8x8 pixels: expected 1 to 8$"
    ):
        data(cutout=Cutout(9))
    with pytest.raises(ValueError, match="size and holes must be >= 1, got 0 and 1"):
        Cutout(0)
    with pytest.raises(ValueError, match="std must be >= 0, got -1"):
        GaussianNoise(-1)
