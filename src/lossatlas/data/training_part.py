"""Parts of the training split, for the members of an ensemble that differ in what each is trained on."""

import torch
from torch import Tensor

from lossatlas.choices import chosen
from lossatlas.data.partition import one_fold
from lossatlas.seeds import generator


def _all(targets: Tensor, part: int, parts: int) -> Tensor:
    if part:
        raise ValueError(
            f"part = {part} is the number of a resample or fold, and train_on=all has one part, 0: "
            "type train_on=bootstrap, all_but_fold or one_fold"
        )
    return torch.arange(len(targets))


def _bootstrap(targets: Tensor, part: int, parts: int) -> Tensor:
    if part < 0:
        raise ValueError(f"part counts resamples from 0, got {part}")
    return torch.randint(len(targets), (len(targets),), generator=generator(0, "bootstrap", part))


def _all_but_fold(targets: Tensor, part: int, parts: int) -> Tensor:
    return one_fold(targets, parts, part, "part", "parts")[1]


def _one_fold(targets: Tensor, part: int, parts: int) -> Tensor:
    return one_fold(targets, parts, part, "part", "parts")[0]


TRAINED_ON = {"all": _all, "bootstrap": _bootstrap, "all_but_fold": _all_but_fold, "one_fold": _one_fold}
"""Choices of `rows_trained_on`."""


def rows_trained_on(train_on: str, targets: Tensor, part: int, parts: int) -> Tensor:
    """Rows of a training split that a member of an ensemble is trained on, (n,) int64.

    Parameters
    ----------
    train_on : str
        "all" of them. "bootstrap": as many as there are, drawn with replacement, so that of many about 1 - 1/e are
        there, some of them several times (bagging, Breiman 1996). "all_but_fold": all but one of ``parts`` stratified
        folds (cross-validated committees, Krogh & Vedelsby 1995, Parmanto et al. 1996). "one_fold": that fold alone,
        so that no two members have an image in common.
    targets : Tensor
        Classes of the split without label noise, (N,), on the CPU.
    part : int
        Number of the resample or of the fold, from 0: the same is always the same.
    parts : int
        Number of folds.

    Raises
    ------
    ValueError
        For another word, for a part that there is not, and for more folds than the smallest class has images, of
        which some would leave a class out.

    Examples
    --------
    >>> targets = torch.tensor([0, 1, 0, 1, 0, 1])
    >>> [rows_trained_on("one_fold", targets, part, parts=3).tolist() for part in range(3)]
    [[2, 5], [1, 4], [0, 3]]
    >>> rows_trained_on("all_but_fold", targets, 1, parts=3).tolist()
    [0, 2, 3, 5]
    """
    return chosen("train_on", train_on, TRAINED_ON)(targets, part, parts)
