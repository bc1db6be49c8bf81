"""Trained networks that another training starts from or lies between, and checks of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lossatlas.weight_space import check_alike, check_mixable, norm


@dataclass(frozen=True)
class TrainedNetwork:
    """Trained network of a finished run.

    Parameters
    ----------
    name : str
        For messages.
    state : mapping of str to Tensor
        Parameters and buffers.
    seed : int
        Of its run.
    training_state : Callable
        Reads the checkpoint that it ended with, which holds its optimizer's momentum; it raises ValueError, in one
        line, if that is gone. Before anything is trained, studies are made with networks that are only initialised, and
        have no such state.
    epochs : int
        That it was trained for.
    """

    name: str
    state: Mapping[str, Tensor]
    seed: int
    training_state: Callable[[], Mapping[str, Any]]
    epochs: int


_NEARLY = 1e-3  # of the network's norm: networks of different seeds are about as far apart as they are long


def check_ends(network: nn.Module, ends: Sequence[TrainedNetwork]) -> None:
    """Raise ValueError unless there are two ends or more, all of the kind of ``network`` and apart from each other.

    Two of one seed begin at the same weights, and those that differ in nothing else end there as well.
    """
    if len(ends) < 2:
        raise ValueError(f"a curve needs at least two ends, got {len(ends)}")
    expected = network.state_dict()
    for end in ends:
        check_alike(expected, end.state, end.name)
        check_mixable(network, end.state, end.name, ends[0].state)
    names = [name for name, _ in network.named_parameters()]
    for k, end in enumerate(ends):
        for other in ends[:k]:
            _check_apart(other, end, names)


def _check_apart(end: TrainedNetwork, other: TrainedNetwork, names: Sequence[str]) -> None:
    if end.seed == other.seed:
        raise ValueError(
            f"{end.name} and {other.name} are ends with the same seed={end.seed}; expected a seed for each end"
        )
    distance = norm({name: end.state[name].double() - other.state[name].double() for name in names})
    if distance <= _NEARLY * norm({name: end.state[name] for name in names}):
        raise ValueError(
            f"{end.name} and {other.name} are the same end: the distance between them is {distance:.3g}"
        )


def refuse_weight_decay(optimizer: Callable[[Iterable[Tensor]], Optimizer], why: str) -> None:
    """Refuse weight decay that would act on control points: ValueError, saying ``why``, if ``optimizer`` has any.

    >>> from functools import partial
    >>> decaying = partial(torch.optim.SGD, weight_decay=1e-4)
    >>> refuse_weight_decay(decaying, "would pull at the bends")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: optimizer.weight_decay=0.0001 would pull at the bends: type optimizer.weight_decay=0 regularizer=l2 ...
    """
    for group in optimizer([nn.Parameter(torch.zeros(1, 1))]).param_groups:
        if decay := group.get("weight_decay", 0.0):
            key = _decay_key(optimizer, "optimizer") or "optimizer.weight_decay"
            raise ValueError(
                f"{key}={decay} {why}: type {key}=0 regularizer=l2 regularizer.l2.weight_decay={decay}"
            )


def _decay_key(optimizer: object, key: str) -> str | None:
    """Key of the weight decay in what ``key`` names, such as that of the optimizer within another.

    >>> _decay_key(partial(print, base=partial(print, weight_decay=1e-4)), "optimizer")
    'optimizer.base.weight_decay'
    """
    given = optimizer.keywords if isinstance(optimizer, partial) else {}
    if "weight_decay" in given:
        return f"{key}.weight_decay"
    return next((found for name, part in given.items() if (found := _decay_key(part, f"{key}.{name}"))), None)
