"""Augmentations that mix images and their targets: mixup and CutMix."""

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional


class _Mixing:
    """Partners and coefficients of a batch, and targets mixed by them."""

    of_normalized = True
    mixes_targets = True

    def __init__(self, classes: int, alpha: float = 1.0, draws: str = "image") -> None:
        if not alpha > 0:
            raise ValueError(f"alpha must be positive, got {alpha}")
        if draws not in ("image", "batch"):
            raise ValueError(f"draws must be image or batch, got {draws!r}")
        self.alpha, self.classes, self.draws = alpha, classes, draws

    def check(self, shape: tuple[int, int, int], classes: int) -> None:
        """Raise ValueError if the data have another number of classes."""
        if classes != self.classes:
            raise ValueError(f"classes={self.classes}, but the data have {classes}")

    def _drawn(self, size: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Partner of each image, (B,), and coefficient of the image itself, (B,), from Beta(alpha, alpha)."""
        partners = torch.randperm(size, generator=generator)
        # torch's own has no generator that could be given.
        own = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
        drawn = own.beta(self.alpha, self.alpha, size if self.draws == "image" else 1)
        return partners, torch.from_numpy(drawn).float().expand(size)

    def _mixed(self, targets: Tensor, partners: Tensor, shares: Tensor) -> Tensor:
        """Targets (B, classes); ``targets`` are classes (B,) or such mixtures."""
        given = functional.one_hot(targets, self.classes).float() if targets.ndim == 1 else targets
        return torch.lerp(given[partners], given, shares[:, None])


class Mixup(_Mixing):
    """Mixup: each image x becomes a x + (1 - a) x' with another one x' of its batch, and the target likewise.

    Zhang et al. 2018 (arXiv:1710.09412): a ~ Beta(alpha, alpha). The targets become probabilities (B, classes), which
    the loss must take, as torch.nn.CrossEntropyLoss does; an error then counts as the share of the target that it
    misses.

    Parameters
    ----------
    classes : int
        Of the data.
    alpha : float, default 1
        Positive; the smaller, the nearer a is to 0 or 1.
    draws : str, default "image"
        A coefficient a for each "image", or one for each "batch" as in the authors' code.

    Raises
    ------
    ValueError
        For settings out of their range.

    Examples
    --------
    >>> images, targets = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1), torch.tensor([0, 1])
    >>> mixed, soft = Mixup(classes=2)(images, targets, torch.Generator().manual_seed(0))
    >>> torch.allclose(mixed.flatten(), soft[:, 1]), soft.sum(1)
    (True, tensor([1., 1.]))
    """

    def __call__(self, inputs: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Mix ``inputs`` (B, C, H, W) and ``targets``, (B,) classes or (B, classes)."""
        partners, shares = (each.to(inputs.device) for each in self._drawn(len(inputs), generator))
        mixed = torch.lerp(inputs[partners], inputs, shares[:, None, None, None])
        return mixed, self._mixed(targets, partners, shares)


class CutMix(_Mixing):
    """CutMix: a box of each image is filled from another one of its batch, which gets that share of the target.

    Yun et al. 2019 (arXiv:1905.04899): with a ~ Beta(alpha, alpha) the box has sqrt(1 - a) of each side and its centre
    anywhere; what lies outside of the image is cut off, and the share is that of the pixels. Targets as of `Mixup`.

    Parameters
    ----------
    classes, alpha, draws
        As of `Mixup`; with "batch" all boxes are of one size, at places of their own.

    Raises
    ------
    ValueError
        For settings out of their range.

    Examples
    --------
    >>> images, targets = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).expand(2, 1, 8, 8), torch.tensor([0, 1])
    >>> mixed, soft = CutMix(classes=2)(images, targets, torch.Generator().manual_seed(0))
    >>> torch.allclose(mixed.mean((1, 2, 3)), soft[:, 1])
    True
    """

    def __call__(self, inputs: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Mix ``inputs`` (B, C, H, W) and ``targets``, (B,) classes or (B, classes)."""
        partners, shares = self._drawn(len(inputs), generator)
        sides = torch.tensor(inputs.shape[-2:])
        lengths = (sides * (1 - shares[:, None]).sqrt()).long()  # (B, 2)
        centres = (torch.rand(len(inputs), 2, generator=generator) * sides).long()
        low = centres - lengths // 2
        boxes = in_boxes(low, low + lengths // 2 * 2, inputs)
        partners = partners.to(inputs.device)
        kept = 1 - boxes.float().mean((1, 2, 3))
        return torch.where(boxes, inputs[partners], inputs), self._mixed(targets, partners, kept)


def in_boxes(low: Tensor, high: Tensor, inputs: Tensor) -> Tensor:
    """Which pixels of ``inputs`` (B, C, H, W) lie in the box of their image, (B, 1, H, W).

    ``low``, ``high``: first row and column of each box, and those behind its last, (B, 2), which may lie outside.

    >>> in_boxes(torch.tensor([[-1, 1]]), torch.tensor([[1, 3]]), torch.zeros(1, 1, 2, 3)).int()
    tensor([[[[0, 1, 1],
              [0, 0, 0]]]], dtype=torch.int32)
    """
    low, high = low.to(inputs.device), high.to(inputs.device)
    inside = []
    for axis, size in enumerate(inputs.shape[-2:]):
        place = torch.arange(size, device=inputs.device)
        inside.append((place >= low[:, axis, None]) & (place < high[:, axis, None]))
    rows, columns = inside
    return (rows[:, :, None] & columns[:, None, :])[:, None]
