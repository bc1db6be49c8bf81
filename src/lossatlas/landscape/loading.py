"""Data in memory: a split as two tensors, whatever it was given as."""

from collections.abc import Iterable, Sequence
from typing import TypeGuard

import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

Split = tuple[Tensor, Tensor]
"""Inputs and targets, (N, ...) each."""

Source = Split | Iterable[Split]
"""A split, or what gives its batches, such as a DataLoader."""


def gathered(source: Source, name: str, device: torch.device) -> Split:
    """Inputs and targets of the split ``name``, each one tensor.

    A pair of tensors is taken as it is. Anything else is gone through once, and what it gives is put on
    ``device``: all points of a survey then see the same examples, also those of a loader that shuffles or
    augments. torch's random state on the CPU is left as it was. ValueError if it gives anything but pairs of
    tensors, or tensors that do not fit together.

    >>> loader = [(torch.zeros(2, 3), torch.zeros(2)), (torch.zeros(1, 3), torch.zeros(1))]
    >>> [tuple(tensor.shape) for tensor in gathered(loader, "train", torch.device("cpu"))]
    [(3, 3), (3,)]
    """
    if _is_pair(source):
        inputs, targets = source
        return inputs, targets
    if isinstance(source, Dataset) and not isinstance(source, IterableDataset):
        raise ValueError(f"split {name!r} is a {_kind(source)} of single examples: wrap it in a DataLoader")
    if not isinstance(source, Iterable):
        raise ValueError(f"split {name!r} must be (inputs, targets) or batches of them, got {_kind(source)}")
    batches = []
    with torch.random.fork_rng(devices=[]):  # a loader draws a seed for its workers, and its order
        for batch in source:
            if not _is_pair(batch):
                raise ValueError(f"split {name!r} gives batches of {_kind(batch)}, expected pairs of tensors")
            batches.append((batch[0].to(device), batch[1].to(device)))
    if not batches:
        raise ValueError(f"split {name!r} has no batches")
    try:
        return torch.cat([inputs for inputs, _ in batches]), torch.cat([targets for _, targets in batches])
    except RuntimeError as error:
        raise ValueError(f"split {name!r} has batches that do not fit together: {error}") from error


def _is_pair(value: object) -> TypeGuard[Sequence[Tensor]]:
    pair = isinstance(value, tuple | list) and len(value) == 2
    return pair and all(isinstance(part, Tensor) for part in value)  # type: ignore[attr-defined]


def _kind(value: object) -> str:
    parts = value if isinstance(value, tuple | list) else ()
    return f"{type(value).__name__}" + (
        f" ({', '.join(type(part).__name__ for part in parts)})" if parts else ""
    )
