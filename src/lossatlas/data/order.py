"""Orders: in which order an epoch goes through the training images."""

import torch
from torch import Tensor

from lossatlas.choices import chosen
from lossatlas.seeds import generator


def _reshuffled(targets: Tensor, seed: int, epoch: int) -> Tensor:
    return torch.randperm(len(targets), generator=generator(seed, "order", epoch))


def _shuffled_once(targets: Tensor, seed: int, epoch: int) -> Tensor:
    return _reshuffled(targets, seed, 0)


def _with_replacement(targets: Tensor, seed: int, epoch: int) -> Tensor:
    return torch.randint(len(targets), (len(targets),), generator=generator(seed, "order", epoch))


def _sorted(targets: Tensor, seed: int, epoch: int) -> Tensor:
    return targets.cpu().argsort(stable=True)


ORDERS = {
    "reshuffled": _reshuffled,
    "shuffled_once": _shuffled_once,
    "with_replacement": _with_replacement,
    "sorted": _sorted,
}
"""Choices of `rows_in_order`."""


def rows_in_order(order: str, targets: Tensor, seed: int, epoch: int) -> Tensor:
    """Rows of a training split in the order in which ``epoch`` goes through them, (N,) int64, on the CPU.

    Parameters
    ----------
    order : str
        "reshuffled": each image once, in another order each epoch (random reshuffling). "shuffled_once": in the same
        random order each epoch. "with_replacement": each draw is of all images, so that of many about 1/e are not seen
        in an epoch (Robbins & Monro's independent draws). "sorted": by class, and within one as the split has them
        (an incremental method's fixed order).
    targets : Tensor
        Classes of the split, (N,).
    seed, epoch : int
        Which draw it is; a pure function of both.

    Raises
    ------
    ValueError
        For another word.

    Examples
    --------
    >>> rows_in_order("sorted", torch.tensor([2, 0, 1, 0]), seed=0, epoch=5)
    tensor([1, 3, 2, 0])
    """
    return chosen("order", order, ORDERS)(targets, seed, epoch)
