"""Data augmentation of a training batch, drawn per sample on the CPU and applied on the batch's device.

Plain classes, here and in `lossatlas.optim`: OmegaConf turns a dataclass that lies in a config into a config.
"""

from typing import Protocol

import torch
from torch import Generator, Tensor
from torch.nn import functional


class Augmentation(Protocol):
    """Data augmentation that `ImageData` applies to a training batch.

    To its raw pixels, before they are normalised; one whose attribute ``of_normalized`` is true gets them
    afterwards. A method ``check(shape, classes)`` is asked for a ValueError where data do not suit it. Targets may
    become probabilities (B, classes); the attribute ``mixes_targets`` says so.

    ``generator`` is a CPU generator made for this batch: an augmentation draws from nothing else, so that the
    batch is a function of (seed, step) alone and the same on every device.
    """

    def __call__(self, inputs: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Return the changed ``inputs`` (B, C, H, W) and ``targets`` (B,)."""


class RandomCrop:
    """Random crop: shift each image by up to ``padding`` pixels both ways; what comes in from outside is 0, raw black.

    ``padding`` is in pixels. The window of the image's own size is cut out of the zero-padded image at one of
    the (2 padding + 1)**2 places, all equally likely: He et al. 2016 (arXiv:1512.03385) section 4.2 with
    ``padding=4``.

    >>> image = torch.ones(1, 1, 2, 2, dtype=torch.uint8)
    >>> shifted, _ = RandomCrop(padding=1)(image, torch.zeros(1), torch.Generator().manual_seed(0))
    >>> shifted.shape, shifted.dtype
    (torch.Size([1, 1, 2, 2]), torch.uint8)
    """

    def __init__(self, padding: int = 4) -> None:
        if padding < 0:
            raise ValueError(f"padding counts pixels and must be >= 0, got {padding}")
        self.padding = padding

    def __call__(self, inputs: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Crop each of ``inputs`` (B, C, H, W) at a place of its own; the targets stay."""
        size, (height, width) = len(inputs), inputs.shape[-2:]
        places = torch.randint(2 * self.padding + 1, (2, size), generator=generator)
        rows, columns = places.to(inputs.device)
        # All windows of an image are one strided view, so that a crop is one gather of whole windows;
        # indexing pixel by pixel takes four times as long.
        windows = functional.pad(inputs, (self.padding,) * 4).unfold(2, height, 1).unfold(3, width, 1)
        return windows[torch.arange(size, device=inputs.device), :, rows, columns], targets


class RandomHorizontalFlip:
    """Random horizontal flip: mirror each image left to right with probability ``p``.

    >>> image = torch.tensor([[[[1, 2, 3]]]])
    >>> RandomHorizontalFlip(p=1.0)(image, torch.zeros(1), torch.Generator())[0]
    tensor([[[[3, 2, 1]]]])
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"p is a probability and must be in [0, 1], got {p}")
        self.p = p

    def __call__(self, inputs: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Mirror some of ``inputs`` (B, C, H, W); the targets stay."""
        mirrored = torch.rand(len(inputs), generator=generator) < self.p
        mirrored = mirrored.to(inputs.device)[:, None, None, None]
        return torch.where(mirrored, inputs.flip(-1), inputs), targets
