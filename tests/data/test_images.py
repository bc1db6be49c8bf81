from collections.abc import Mapping

import pytest
import torch
from torch import Generator, Tensor

from lossatlas.data import ImageData, RandomCrop, RandomHorizontalFlip, Split

AUGMENT = {"crop": RandomCrop(1), "flip": RandomHorizontalFlip()}


def numbered(samples: int = 10, **changes: object) -> ImageData:
    """Image k holds k in its first pixel, 100 + k in its last, and is of class k."""
    inputs = torch.arange(samples, dtype=torch.uint8)[:, None] + torch.tensor(
        [0, 50, 100, 150], dtype=torch.uint8
    )
    split = Split(inputs.reshape(samples, 1, 2, 2), torch.arange(samples))
    arguments = {"shape": [1, 2, 2], "classes": samples, "mean": [10.0], "std": [4.0], "batch_size": 3}
    return ImageData({"train": split, "test": split}, **{**arguments, **changes})  # type: ignore[arg-type]


def targets_of(data: ImageData, seed: int, epoch: int) -> list[int]:
    return torch.cat([targets for _, targets in data.batches(seed, epoch)]).tolist()


@pytest.mark.parametrize(
    ("drop_last", "sizes"), [(False, [3, 3, 3, 1]), (True, [3, 3, 3])], ids=["kept", "dropped"]
)
def test_an_epoch_has_every_image_once_but_for_a_dropped_last_batch(
    drop_last: bool, sizes: list[int]
) -> None:
    data = numbered(drop_last=drop_last)
    assert [len(targets) for _, targets in data.batches(0, 0)] == sizes
    assert data.steps_per_epoch == len(sizes)
    assert len(set(targets_of(data, 0, 0))) == sum(sizes)


def test_inputs_are_normalised_and_go_with_their_targets() -> None:
    for inputs, targets in numbered().batches(seed=0, epoch=0):
        assert inputs.dtype == torch.float32
        assert (inputs[:, 0, 0, 0] * 4 + 10).tolist() == targets.tolist()


def test_the_order_differs_between_epochs_and_seeds_and_repeats_for_the_same() -> None:
    data = numbered(200)
    orders = [targets_of(data, seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert targets_of(data, 1, 1) == orders[3]


def test_every_order_is_equally_likely() -> None:
    """The first image of 600 epochs: 200 of each expected, standard deviation 12."""
    data = numbered(3, batch_size=1)
    firsts = torch.tensor([targets_of(data, 0, epoch)[0] for epoch in range(600)]).bincount(minlength=3)
    assert (firsts - 200).abs().max() < 48


@pytest.mark.parametrize("augment", [None, AUGMENT], ids=["plain", "augmented"])
@pytest.mark.parametrize("drop_last", [False, True])
def test_the_batch_of_a_step_is_the_one_that_the_epoch_yields_there(
    augment: Mapping | None, drop_last: bool
) -> None:
    data = numbered(augment=augment, drop_last=drop_last)
    steps = data.steps_per_epoch
    for step in (0, 1, steps - 1, steps, 2 * steps + 1):
        epoch, first = divmod(step, steps)
        expected = list(data.batches(7, epoch))[first]
        for batch in (data.batch(7, step), next(data.batches(7, epoch, first))):
            assert torch.equal(batch[0], expected[0])
            assert torch.equal(batch[1], expected[1])


def test_no_batch_is_left_at_an_epochs_end() -> None:
    data = numbered()
    assert list(data.batches(0, 0, first=data.steps_per_epoch)) == []


def test_batches_do_not_touch_the_global_random_state() -> None:
    data = numbered(augment=AUGMENT)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    list(data.batches(0, 0))
    assert torch.equal(torch.rand(3), expected)


def test_augmentations_differ_between_epochs_and_between_the_samples_of_a_batch() -> None:
    same = Split(torch.arange(4, dtype=torch.uint8).reshape(1, 1, 2, 2).repeat(64, 1, 1, 1), torch.arange(64))
    data = ImageData(
        {"train": same, "test": same},
        shape=[1, 2, 2], classes=64, mean=[0.0], std=[1.0], batch_size=64, augment=AUGMENT,
    )  # fmt: skip
    first, second = data.batch(0, 0)[0], data.batch(0, 1)[0]
    assert len(first.unique(dim=0)) > 5
    assert not torch.equal(first, second)


def test_augmentations_act_in_order_on_raw_pixels_and_one_that_is_none_is_left_out() -> None:
    def double(inputs: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        return inputs * 2, targets

    def increase(inputs: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        return inputs + 1, targets

    data = numbered(augment={"double": double, "nothing": None, "increase": increase})
    inputs, targets = data.batch(0, 0)
    assert (inputs[:, 0, 0, 0] * 4 + 10).tolist() == (2 * targets + 1).tolist()


def test_whole_splits_are_never_augmented_and_in_their_own_order() -> None:
    inputs, targets = numbered(augment=AUGMENT).normalized("train")
    assert (inputs[:, 0, 0, 0] * 4 + 10).tolist() == targets.tolist() == list(range(10))


def test_a_split_that_was_measured_under_inference_mode_can_still_be_trained_on() -> None:
    data = numbered()
    with torch.inference_mode():
        data.normalized("train")
    weight = torch.ones(1, requires_grad=True)
    (data.batch(0, 0)[0] * weight).sum().backward()
    (data.normalized("train")[0] * weight).sum().backward()
    assert weight.grad is not None


def test_batches_are_copies_that_a_step_may_write_into() -> None:
    data = numbered()
    expected = data.batch(0, 0)[0].clone()
    data.batch(0, 0)[0].zero_()
    assert torch.equal(data.batch(0, 0)[0], expected)


def test_data_moves_between_devices_and_leaves_the_original() -> None:
    data = numbered(augment=AUGMENT)
    moved = data.to("meta")
    assert moved.batch(0, 0)[0].device.type == moved.normalized("test")[0].device.type == "meta"
    assert data.device.type == data.batch(0, 0)[0].device.type == "cpu"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("augment", [None, AUGMENT], ids=["plain", "augmented"])
def test_a_gpu_sees_the_same_batches(augment: Mapping | None) -> None:
    data = numbered(augment=augment)
    for ours, theirs in zip(data.batches(3, 1), data.to("cuda").batches(3, 1), strict=True):
        assert theirs[0].is_cuda
        torch.testing.assert_close(theirs[0].cpu(), ours[0])
        assert torch.equal(theirs[1].cpu(), ours[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 11}, "batch_size must be 1 to 10, the size of the training set, got 11"),
        ({"batch_size": 11, "drop_last": True}, "batch_size must be 1 to 10, .* got 11"),
        ({"batch_size": 0}, "batch_size must be 1 to 10, .* got 0"),
        ({"shape": [3, 2, 2]}, r"shape is declared as \[3, 2, 2\], but the train images are \[1, 2, 2\]"),
        ({"classes": 9}, "classes is declared as 9, but the train targets run from 0 to 9"),
        ({"mean": [0.0, 0.0]}, "mean and positive std must be given for 1 channels"),
        ({"std": [0.0]}, "mean and positive std must be given for 1 channels"),
    ],
)
def test_what_contradicts_the_data_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        numbered(**changes)


def test_unknown_splits_and_positions_are_refused() -> None:
    data = numbered()
    with pytest.raises(ValueError, match="there is no split 'validation': expected one of train, test"):
        data.normalized("validation")
    with pytest.raises(ValueError, match="step counts from 0, got -1"):
        data.batch(0, -1)
    with pytest.raises(ValueError, match="epoch counts from 0, got -1"):
        data.batches(0, -1)
    with pytest.raises(ValueError, match="an epoch has the batches 0 to 3, got first = 5"):
        data.batches(0, 0, 5)


def test_train_and_test_are_needed() -> None:
    split = numbered().splits["train"]
    with pytest.raises(ValueError, match="the splits train and test are needed, got train"):
        ImageData({"train": split}, shape=[1, 2, 2], classes=10, mean=[0.0], std=[1.0], batch_size=2)
