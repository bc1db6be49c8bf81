"""One part of a labelled data set."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set. ValueError if the two tensors do not fit together.

    >>> len(Split(torch.zeros(5, 1, 8, 8), torch.zeros(5, dtype=torch.int64)))
    5
    """

    inputs: Tensor  # (N, C, H, W) raw pixels, uint8 or float32
    targets: Tensor  # (N,) int64, the classes

    def __post_init__(self) -> None:
        if self.inputs.ndim != 4 or self.inputs.dtype not in (torch.uint8, torch.float32):
            given = f"{tuple(self.inputs.shape)} {self.inputs.dtype}"
            raise ValueError(f"inputs must be (N, C, H, W), uint8 or float32, got {given}")
        if self.targets.shape != self.inputs.shape[:1] or self.targets.dtype != torch.int64:
            given = f"{tuple(self.targets.shape)} {self.targets.dtype}"
            raise ValueError(f"targets must be ({len(self.inputs)},) int64, one an input, got {given}")

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: Tensor) -> "Split":
        """Return the samples ``rows``, (n,) int64, of the split."""
        return Split(self.inputs[rows], self.targets[rows])

    def to(self, device: torch.device | str) -> "Split":
        """Return the split on ``device``."""
        return Split(self.inputs.to(device), self.targets.to(device))


def check_split(name: str, split: Split, shape: tuple[int, int, int], classes: int) -> None:
    """Raise ValueError if ``split`` is empty, or not of the declared ``shape`` and ``classes``."""
    if not len(split):
        raise ValueError(f"the {name} split is empty")
    given = tuple(split.inputs.shape[1:])
    if given != shape:
        raise ValueError(f"shape is declared as {list(shape)}, but the {name} images are {list(given)}")
    low, high = split.targets.min().item(), split.targets.max().item()
    if low < 0 or high >= classes:
        raise ValueError(f"classes is declared as {classes}, but the {name} targets run from {low} to {high}")
