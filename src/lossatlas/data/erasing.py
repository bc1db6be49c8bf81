"""Augmentations that take away from images: cutout, and Gaussian noise on them."""

import torch
from torch import Generator, Tensor

from lossatlas.data.mixing import in_boxes


class Cutout:
    """Cutout: a square of each image becomes 0 after normalisation, the data's mean.

    DeVries & Taylor 2017 (arXiv:1708.04552). Its centre is any pixel, so that a part may lie outside of the image.

    Parameters
    ----------
    size : int
        Side of the square in pixels, 1 to the lesser side of the image: 16 for their CIFAR-10, 8 for their CIFAR-100.
    holes : int, default 1
        Squares of each image.

    Raises
    ------
    ValueError
        For a size or number below 1, and for data whose images are smaller.

    Examples
    --------
    >>> cut, _ = Cutout(size=2)(torch.ones(1, 1, 4, 4), torch.zeros(1), torch.Generator().manual_seed(0))
    >>> cut[0, 0]
    tensor([[1., 1., 0., 0.],
            [1., 1., 0., 0.],
            [1., 1., 1., 1.],
            [1., 1., 1., 1.]])
    """

    of_normalized = True

    def __init__(self, size: int, holes: int = 1) -> None:
        if size < 1 or holes < 1:
            raise ValueError(f"size and holes must be >= 1, got {size} and {holes}")
        self.size, self.holes = size, holes

    def check(self, shape: tuple[int, int, int], classes: int) -> None:
        """Raise ValueError if the square is larger than an image."""
        most = min(shape[1:])
        if self.size > most:
            raise ValueError(
                f"size={self.size} is larger than images of {shape[1]}x{shape[2]} pixels: expected 1 to {most}"
            )

    def __call__(self, inputs: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Cut out of ``inputs`` (B, C, H, W); the targets stay."""
        sides = torch.tensor(inputs.shape[-2:])
        for _ in range(self.holes):
            centres = (torch.rand(len(inputs), 2, generator=generator) * sides).long()
            low = centres - self.size // 2
            inputs = inputs.masked_fill(in_boxes(low, low + self.size, inputs), 0.0)
        return inputs, targets


class GaussianNoise:
    """Gaussian noise on the inputs: ``std`` N(0, 1) is added to each normalised pixel.

    For small noise and the mean of squares that is a penalty on the square of the outputs' derivative by the inputs
    (Bishop 1995).

    Parameters
    ----------
    std : float
        In units of normalised pixels.

    Raises
    ------
    ValueError
        If negative.

    Examples
    --------
    >>> noisy, _ = GaussianNoise(0.1)(torch.zeros(9, 1, 32, 32), torch.zeros(9), torch.Generator().manual_seed(0))
    >>> round(float(noisy.std()), 2)
    0.1
    """

    of_normalized = True

    def __init__(self, std: float) -> None:
        if not std >= 0:
            raise ValueError(f"std must be >= 0, got {std}")
        self.std = std

    def __call__(self, inputs: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Add noise to ``inputs`` (B, C, H, W); the targets stay."""
        noise = torch.randn(inputs.shape, generator=generator).to(inputs.device)
        return inputs + self.std * noise, targets
