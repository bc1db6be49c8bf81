import hashlib

import numpy as np
import pytest
import torch
from sklearn.model_selection import StratifiedKFold

from lossatlas.data import stratified_folds, stratified_split

TARGETS = torch.randint(0, 7, (531,), generator=torch.Generator().manual_seed(0))


def test_parts_have_the_sizes_asked_for_and_share_out_every_sample() -> None:
    parts = stratified_split(TARGETS, {"a": 100, "b": 31, "c": 400, "d": 0})
    assert [len(rows) for rows in parts.values()] == [100, 31, 400, 0]
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(531))


def test_each_part_has_its_share_of_every_class() -> None:
    for rows in stratified_split(TARGETS, {"a": 100, "b": 31, "c": 400}).values():
        share = TARGETS.bincount() * len(rows) / len(TARGETS)
        assert (TARGETS[rows].bincount(minlength=7) - share).abs().max() < 2


def test_folds_are_as_even_as_scikit_learns() -> None:
    theirs = [test for _, test in StratifiedKFold(5).split(np.zeros(531), TARGETS.numpy())]
    ours = stratified_folds(TARGETS, 5)
    assert sorted(torch.cat(ours).tolist()) == list(range(531))
    assert sorted(map(len, ours)) == sorted(map(len, theirs))
    counts = torch.stack([TARGETS[rows].bincount() for rows in ours])  # (folds, classes)
    assert (counts.amax(0) - counts.amin(0)).max() <= 1


def test_a_class_is_not_divided_in_the_order_of_the_file() -> None:
    """Neighbours in a file resemble each other (a writer's digits): parts must not be runs or combs of it."""
    rows = stratified_folds(torch.zeros(1000, dtype=torch.int64), 2)[0]
    same_as_next = rows.diff().eq(1).float().mean()
    assert 0.4 < same_as_next < 0.6  # of a random half: 1/2


def test_the_partition_never_changes() -> None:
    """Pinned: were it another, every result on it would be another."""
    rows = stratified_split(TARGETS, {"a": 100, "b": 431})["a"]
    assert hashlib.sha256(rows.numpy().astype("<i8").tobytes()).hexdigest()[:16] == "5c936db691cc5208"


def test_sizes_must_add_up() -> None:
    with pytest.raises(ValueError, match=r"add up to 531 samples, got \{'a': 500\}"):
        stratified_split(TARGETS, {"a": 500})
    with pytest.raises(ValueError, match=r"must be >= 0 and add up to 531"):
        stratified_split(TARGETS, {"a": 532, "b": -1})


@pytest.mark.parametrize("folds", [1, 3])
def test_every_fold_must_have_every_class(folds: int) -> None:
    with pytest.raises(
        ValueError, match=rf"folds must be 2 to 2, the size of the smallest class, got {folds}"
    ):
        stratified_folds(torch.tensor([0, 0, 0, 1, 1]), folds)
