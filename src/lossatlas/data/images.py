"""A labelled set of images in memory and the batches that a training run takes from it."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Generator, Tensor

from lossatlas.choices import chosen
from lossatlas.data.augmentation import Augmentation
from lossatlas.data.label_noise import with_label_noise
from lossatlas.data.order import ORDERS, rows_in_order
from lossatlas.data.split import Split, check_split
from lossatlas.data.training_part import rows_trained_on
from lossatlas.seeds import generator

Batch = tuple[Tensor, Tensor]


class ImageData:
    """A labelled data set whose splits lie in memory whole, and which batch a training step sees.

    The batch of a step is a pure function of (seed, step): the order of an epoch is drawn from the stream
    "order" at that epoch, the augmentation from the stream "augment" at that step (see `lossatlas.seeds`),
    both on the CPU. So the batches do not depend on the device, nor on where a run was interrupted.

    ``splits``: "train" and "test", and "validation" if there is one.
    ``shape``, ``classes``: (C, H, W) of an image and number of classes, as the splits have them.
    ``mean``, ``std``: one a channel, in raw pixel units; an image x is seen as (x - mean) / std.
    ``drop_last``: leave out the last, smaller batch of an epoch (other images each epoch).
    ``augment``: name -> augmentation of training batches, applied in order, to raw pixels or, those that say so, to
    normalised ones after all others; None is left out.
    ``label_noise``: probability with which a training target is replaced (`lossatlas.data.label_noise`).
    ``order``: in which order an epoch goes through the images (`lossatlas.data.order`).
    ``train_on``, ``part``, ``parts``: which of the training images are there (`lossatlas.data.training_part`); the
    other splits, and the normalisation, stay.

    ValueError if these contradict each other, or if ``batch_size`` exceeds the training set.

    >>> split = Split(torch.arange(10.0).reshape(10, 1, 1, 1), torch.arange(10))
    >>> data = ImageData(
    ...     {"train": split, "test": split}, shape=(1, 1, 1), classes=10, mean=[0.0], std=[1.0], batch_size=4
    ... )
    >>> [len(targets) for _, targets in data.batches(seed=0, epoch=0)]
    [4, 4, 2]
    >>> sorted(torch.cat([targets for _, targets in data.batches(seed=0, epoch=0)]).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """

    def __init__(
        self,
        splits: Mapping[str, Split],
        *,
        shape: Sequence[int],
        classes: int,
        mean: Sequence[float],
        std: Sequence[float],
        batch_size: int,
        drop_last: bool = False,
        augment: Mapping[str, Augmentation | None] | None = None,
        label_noise: float = 0.0,
        order: str = "reshuffled",
        train_on: str = "all",
        part: int = 0,
        parts: int = 5,
    ) -> None:
        self.splits = dict(splits)
        self.shape: tuple[int, int, int] = _three(shape)
        self.classes = classes
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.augment = {name: change for name, change in (augment or {}).items() if change is not None}
        self.order = order
        self._check(mean, std)
        self.clean_targets = self.splits["train"].targets
        """Of the training split, (N,), without label noise."""
        if label_noise:
            train = self.splits["train"]
            noisy = with_label_noise(train.targets, label_noise, classes)
            self.splits["train"] = replace(train, targets=noisy)
        rows = rows_trained_on(train_on, self.clean_targets, part, parts)
        if train_on != "all":
            self.splits["train"] = self.splits["train"].take(rows)
            self.clean_targets = self.clean_targets[rows]
            self._check_batch_size()
        self._mean = torch.tensor(list(mean), dtype=torch.float32)[:, None, None]  # (C, 1, 1)
        self._std = torch.tensor(list(std), dtype=torch.float32)[:, None, None]  # (C, 1, 1)
        self._normalized: dict[str, Tensor] = {}

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch."""
        samples = len(self.splits["train"])
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)

    @property
    def device(self) -> torch.device:
        """Where the splits lie and the batches are made."""
        return self.splits["train"].inputs.device

    def to(self, device: torch.device | str) -> "ImageData":
        """Return the data on ``device``."""
        moved = copy.copy(self)
        moved.splits = {name: split.to(device) for name, split in self.splits.items()}
        moved.clean_targets = self.clean_targets.to(device)
        moved._mean, moved._std = self._mean.to(device), self._std.to(device)
        moved._normalized = {name: inputs.to(device) for name, inputs in self._normalized.items()}
        return moved

    def trained_on(self, rows: Tensor) -> "ImageData":
        """Return the data with ``rows``, (n,) int64, of the training split in its place; the normalisation stays.

        ValueError if they are fewer than a batch takes.

        >>> split = Split(torch.zeros(5, 1, 1, 1), torch.tensor([0, 1, 2, 3, 4]))
        >>> data = ImageData(
        ...     {"train": split, "test": split}, shape=(1, 1, 1), classes=5, mean=[0.0], std=[1.0], batch_size=1
        ... )
        >>> data.trained_on(torch.tensor([4, 4, 0])).splits["train"].targets
        tensor([4, 4, 0])
        """
        other = copy.copy(self)
        other.splits = {**self.splits, "train": self.splits["train"].take(rows)}
        other.clean_targets = self.clean_targets[rows]
        other._normalized = {}
        other._check_batch_size()
        return other

    def normalized(self, split: str) -> Batch:
        """Return the whole ``split`` as the network sees it: inputs (N, C, H, W) float32, targets (N,).

        Never augmented. The inputs are computed once and kept: do not write into them. ValueError if there is
        no such split.
        """
        if split not in self.splits:
            raise ValueError(f"there is no split {split!r}: expected one of {', '.join(self.splits)}")
        if split not in self._normalized:
            # A caller who measures under inference mode must not leave a tensor that training cannot use.
            with torch.inference_mode(False):
                self._normalized[split] = self._normalize(self.splits[split].inputs)
        return self._normalized[split], self.splits[split].targets

    def some(self, count: int, draws: torch.Generator) -> Tensor:
        """Return ``count`` images of the training split as the network sees them, (count, C, H, W), never augmented.

        Drawn without replacement; all of them, in another order, where there are fewer.
        """
        inputs = self.splits["train"].inputs
        rows = torch.randperm(len(inputs), generator=draws)[:count]
        return self._normalize(inputs[rows.to(self.device)])

    def augmented(self, seed: int) -> Batch:
        """Return the whole training split as training sees it, each image augmented once: inputs and targets.

        The images come in the order of the split. What is drawn is a function of ``seed`` alone, of a stream that no
        training step draws from.
        """
        for name, change in self.augment.items():
            if getattr(change, "mixes_targets", False):
                raise ValueError(f"augment.{name} mixes images of a batch, and has no place in a whole split")
        split = self.splits["train"]
        return self._changed(split.inputs, split.targets, generator(seed, "augmented split"))

    def batch(self, seed: int, step: int) -> Batch:
        """Return the training batch of the global ``step``: inputs (B, C, H, W) float32, targets (B,) int64.

        The same as `batches` yields, which draws the order once an epoch and is the faster way to many.
        ValueError if ``step`` is negative.
        """
        if step < 0:
            raise ValueError(f"step counts from 0, got {step}")
        epoch, index = divmod(step, self.steps_per_epoch)
        return next(self.batches(seed, epoch, index))

    def batches(self, seed: int, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Return the training batches of ``epoch`` from the ``first``-th on, all counted from 0.

        ValueError if ``epoch`` is negative or ``first`` is not in the epoch (its end is: no batch is left).
        """
        if epoch < 0:
            raise ValueError(f"epoch counts from 0, got {epoch}")
        if not 0 <= first <= self.steps_per_epoch:
            raise ValueError(f"an epoch has the batches 0 to {self.steps_per_epoch - 1}, got first = {first}")
        return self._augmented(seed, epoch, first) if self.augment else self._plain(seed, epoch, first)

    def _plain(self, seed: int, epoch: int, first: int) -> Iterator[Batch]:
        inputs, targets = self.normalized("train")
        for rows in self._order(seed, epoch)[first:]:
            yield inputs.index_select(0, rows), targets.index_select(0, rows)

    def _augmented(self, seed: int, epoch: int, first: int) -> Iterator[Batch]:
        split = self.splits["train"]
        step = epoch * self.steps_per_epoch + first
        for rows in self._order(seed, epoch)[first:]:
            inputs, targets = split.inputs.index_select(0, rows), split.targets.index_select(0, rows)
            yield self._changed(inputs, targets, generator(seed, "augment", step))
            step += 1

    def _changed(self, inputs: Tensor, targets: Tensor, draws: Generator) -> Batch:
        """Augmented and normalised images, and their targets."""
        late = [getattr(change, "of_normalized", False) for change in self.augment.values()]
        for change, is_late in zip(self.augment.values(), late, strict=True):
            if not is_late:
                inputs, targets = change(inputs, targets, draws)
        inputs = self._normalize(inputs)
        for change, is_late in zip(self.augment.values(), late, strict=True):
            if is_late:
                inputs, targets = change(inputs, targets, draws)
        return inputs, targets

    def _order(self, seed: int, epoch: int) -> Sequence[Tensor]:
        """Rows of the training split in each batch of ``epoch``."""
        rows = rows_in_order(self.order, self.splits["train"].targets, seed, epoch)
        return rows.to(self.device).split(self.batch_size)[: self.steps_per_epoch]

    def _normalize(self, inputs: Tensor) -> Tensor:
        return inputs.to(torch.float32, copy=True).sub_(self._mean).div_(self._std)

    def _check(self, mean: Sequence[float], std: Sequence[float]) -> None:
        missing = {"train", "test"} - self.splits.keys()
        if missing:
            raise ValueError(f"the splits train and test are needed, got {', '.join(self.splits) or 'none'}")
        for name, split in self.splits.items():
            check_split(name, split, self.shape, self.classes)
        if len(mean) != self.shape[0] or len(std) != self.shape[0] or min(std) <= 0:
            raise ValueError(
                f"mean and positive std must be given for {self.shape[0]} channels, got {mean} and {std}"
            )
        for name, change in self.augment.items():
            if callable(check := getattr(change, "check", None)):
                try:
                    check(self.shape, self.classes)
                except ValueError as error:
                    raise ValueError(f"augment.{name}: {error}") from error
        chosen("order", self.order, ORDERS)
        self._check_batch_size()

    def _check_batch_size(self) -> None:
        samples = len(self.splits["train"])
        if not 1 <= self.batch_size <= samples:
            raise ValueError(
                f"batch_size must be 1 to {samples}, the size of the training set, got {self.batch_size}"
            )


def scales(
    normalize: bool, mean: Sequence[float], std: Sequence[float], white: float
) -> dict[str, Sequence[float]]:
    """The arguments ``mean`` and ``std`` of `ImageData`: these, or of what is not normalised 0 and ``white``.

    Black is then seen as 0 and the largest value of a pixel, ``white``, as 1.

    >>> scales(True, [4.0], [2.0], 16), scales(False, [4.0], [2.0], 16)
    ({'mean': [4.0], 'std': [2.0]}, {'mean': [0.0], 'std': [16]})
    """
    if normalize:
        return {"mean": mean, "std": std}
    return {"mean": [0.0] * len(mean), "std": [white] * len(std)}


def _three(shape: Sequence[int]) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ValueError(f"shape must be (channels, height, width), got {tuple(shape)}")
    channels, height, width = shape
    return channels, height, width
