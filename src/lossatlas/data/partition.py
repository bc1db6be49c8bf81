"""Stratified splits and folds of a labelled set, the same on every machine."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from lossatlas.data.split import Split
from lossatlas.seeds import derive_seed


def stratified_split(targets: Tensor, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """Stratified split: parts of exactly ``sizes``, each with its share of every class.

    The shares are exact to within one sample, or two from the second part on. ``targets``: (N,) int64.
    Returns name -> (size,) int64, the samples of each part, ascending. A pure function of its arguments that
    draws from no library's random numbers, so that a split stays what it is when those change. ValueError if
    the sizes are negative or do not add up to N.

    >>> parts = stratified_split(torch.tensor([0, 0, 0, 0, 1, 1]), {"test": 3, "train": 3})
    >>> [torch.tensor([0, 0, 0, 0, 1, 1])[rows].tolist() for rows in parts.values()]
    [[0, 0, 1], [0, 0, 1]]
    """
    if min(sizes.values(), default=0) < 0 or sum(sizes.values()) != len(targets):
        raise ValueError(f"the sizes must be >= 0 and add up to {len(targets)} samples, got {dict(sizes)}")
    rest = _by_class(targets)
    parts = {}
    for name, size in sizes.items():
        taken = _evenly(len(rest), size)
        parts[name] = rest[taken].sort().values
        rest = rest[~taken]
    return parts


def stratified_folds(targets: Tensor, folds: int, name: str = "folds") -> list[Tensor]:
    """Stratified folds: ``folds`` parts whose sizes and counts of each class differ by at most one.

    ``targets``: (N,) int64. Returns (n_k,) int64 for each fold, the samples in it, ascending. A pure
    function, as `stratified_split`. ValueError, which calls ``folds`` by its ``name``, unless 2 <= folds <= the size of
    the smallest class: with more some fold would leave a class out.

    >>> [rows.tolist() for rows in stratified_folds(torch.tensor([0, 1, 0, 1]), folds=2)]
    [[1, 2], [0, 3]]
    """
    smallest = int(targets.unique(return_counts=True)[1].min())
    if not 2 <= folds <= smallest:
        why = f": there are {len(targets)} images" if folds > len(targets) else ""
        why = why or (": a fold would leave a class out" if folds > smallest else "")
        raise ValueError(f"{name} must be 2 to {smallest}, the size of the smallest class, got {folds}{why}")
    ordered = _by_class(targets)
    return [ordered[fold::folds].sort().values for fold in range(folds)]


def one_fold(targets: Tensor, folds: int, number: int, name: str, of: str = "folds") -> tuple[Tensor, Tensor]:
    """The samples in one of the `stratified_folds`, and those in all others, ascending.

    ValueError, which calls the ``number`` by its ``name`` and the ``folds`` ``of``, if there is no such fold.
    """
    parts = stratified_folds(targets, folds, of)
    if not 0 <= number < folds:
        raise ValueError(f"{name} must be 0 to {folds - 1} with {of} = {folds}, got {number}")
    return parts[number], torch.cat([*parts[:number], *parts[number + 1 :]]).sort().values


def _by_class(targets: Tensor) -> Tensor:
    """Return the samples (N,) class after class, shuffled within each by a hash of their position."""
    keys = np.array([derive_seed(0, "split", sample) for sample in range(len(targets))])
    return torch.from_numpy(np.lexsort((keys, targets.numpy())))


def _evenly(total: int, chosen: int) -> Tensor:
    """Mark ``chosen`` of ``total`` places, spread so that every run of places has its share to within one."""
    place = torch.arange(total)
    return (place + 1) * chosen // max(total, 1) > place * chosen // max(total, 1)


def held_out(train: Split, validation: int) -> dict[str, Split]:
    """Hold out ``validation`` images of the split "train", as the split "validation" unless there are none.

    Stratified and always the same. ValueError if nothing is left to train on.

    >>> import torch
    >>> train = Split(torch.zeros(6, 1, 2, 2), torch.tensor([0, 0, 0, 1, 1, 1]))
    >>> {name: split.targets.tolist() for name, split in held_out(train, validation=2).items()}
    {'train': [0, 0, 1, 1], 'validation': [0, 1]}
    """
    if not 0 <= validation < len(train):
        raise ValueError(f"validation must be 0 to {len(train) - 1} of the training images, got {validation}")
    if not validation:
        return {"train": train}
    rows = stratified_split(train.targets, {"validation": validation, "train": len(train) - validation})
    return {name: train.take(rows[name]) for name in ("train", "validation")}
