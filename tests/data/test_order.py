"""The order in which an epoch goes through the training images."""

from math import exp

import pytest
import torch
from torch import Tensor

from lossatlas.data import synthetic_blobs
from lossatlas.data.images import ImageData
from lossatlas.data.order import ORDERS, rows_in_order


def blobs(order: str, train: int = 40, batch_size: int = 8) -> ImageData:
    return synthetic_blobs(batch_size=batch_size, shape=(1, 2, 2), classes=4, train=train, order=order)


def seen(data: ImageData, seed: int, epoch: int) -> Tensor:
    """Images in the order in which an epoch shows them, (N, 4)."""
    return torch.cat([inputs for inputs, _ in data.batches(seed, epoch)]).flatten(1)


def test_reshuffled_and_shuffled_once_begin_alike_and_show_each_image_once() -> None:
    again, once = blobs("reshuffled"), blobs("shuffled_once")
    first = seen(again, 3, 0)
    assert torch.equal(first, seen(once, 3, 0))
    assert torch.equal(first, seen(once, 3, 7))
    assert not torch.equal(first, seen(once, 4, 0))
    second = seen(again, 3, 1)
    assert not torch.equal(first, second)
    for shown in (first, second):
        assert len(shown.unique(dim=0)) == 40


def test_drawn_with_replacement_an_epoch_misses_one_image_in_e() -> None:
    """N draws of N miss a share of (1 - 1/N)^N in the mean, with a standard deviation of at most 0.5 / sqrt(N)."""
    targets = torch.zeros(10_000, dtype=torch.int64)
    rows = rows_in_order("with_replacement", targets, seed=0, epoch=0)
    missed = 1 - len(rows.unique()) / len(targets)
    assert missed == pytest.approx(exp(-1), abs=0.02)
    assert not torch.equal(rows, rows_in_order("with_replacement", targets, seed=0, epoch=1))


def test_sorted_batches_are_of_one_class_and_the_same_for_every_seed() -> None:
    data = blobs("sorted", batch_size=10)
    batches = [targets for _, targets in data.batches(seed=0, epoch=0)]
    assert [targets.unique().tolist() for targets in batches] == [[0], [1], [2], [3]]
    assert torch.equal(seen(data, 0, 0), seen(data, 1, 5))


@pytest.mark.parametrize("order", [*ORDERS])
def test_the_batch_of_a_step_is_the_one_that_its_epoch_shows(order: str) -> None:
    data = blobs(order)
    inputs, _ = data.batch(seed=1, step=12)  # of five batches an epoch has
    assert torch.equal(inputs.flatten(1), seen(data, 1, 2)[16:24])


def test_another_word_is_told_with_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"unknown order 'sort', expected one of .* \(did you mean sorted\?\)"
    ):
        blobs("sort")
