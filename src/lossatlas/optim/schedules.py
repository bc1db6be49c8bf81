"""Learning-rate schedules: the factor on the base rate as a pure function of the position in epochs.

A schedule has no state to save or to restore. Its ``interval`` says when the trainer asks: "step", at every
step with a fractional epoch, or "epoch", once an epoch with a whole number.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from numbers import Real
from typing import Protocol

_INTERVALS = ("step", "epoch")


class Schedule(Protocol):
    """Learning rate as a factor of the base rate, a pure function of the position in epochs."""

    interval: str  # "step" or "epoch"

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch`` (0 at the start, 1 after one epoch)."""


def check_positive(name: str, value: float) -> None:
    """Raise ValueError unless ``value`` is a number above 0."""
    if not isinstance(value, Real) or not value > 0:
        raise ValueError(f"{name} must be positive, got {value}")


def check_floor(floor: float, name: str = "floor") -> None:
    """Raise ValueError unless ``floor``, which is called ``name``, can be a schedule's lowest factor."""
    if not 0 <= floor <= 1:
        raise ValueError(f"{name} is a factor of the base rate and must be in [0, 1], got {floor}")


def check_interval(interval: str) -> str:
    """Return ``interval``; raise ValueError unless it is "step" or "epoch"."""
    if interval not in _INTERVALS:
        raise ValueError(f"interval must be one of {', '.join(_INTERVALS)}, got {interval!r}")
    return interval


class Constant:
    """Constant schedule: the base rate throughout.

    >>> Constant()(17.5)
    1.0
    """

    def __init__(self, interval: str = "epoch") -> None:
        self.interval = check_interval(interval)

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        return 1.0


class Step:
    """Step decay: multiplied by ``gamma`` at each of ``milestones``: gamma ** (number of milestones <= epoch).

    ``milestones``: epochs, ascending; those beyond the end of training are never reached. ValueError if they
    do not ascend, or for a gamma that is not positive.

    >>> schedule = Step([150, 225, 275], gamma=0.1)
    >>> [round(schedule(epoch), 6) for epoch in (0, 149.99, 150, 225, 300)]
    [1.0, 1.0, 0.1, 0.01, 0.001]
    """

    def __init__(self, milestones: Sequence[float], gamma: float = 0.1, interval: str = "epoch") -> None:
        if list(milestones) != sorted(set(milestones)):
            raise ValueError(f"milestones must be epochs in ascending order, got {list(milestones)}")
        check_positive("gamma", gamma)
        self.milestones = tuple(milestones)
        self.gamma = gamma
        self.interval = check_interval(interval)

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        return float(self.gamma ** bisect_right(self.milestones, epoch))


class Cosine:
    """Cosine annealing: half a cosine from 1 at epoch 0 to ``floor`` at ``epochs``, and ``floor`` from there on.

    Loshchilov & Hutter 2017 (arXiv:1608.03983, eq. 5) without restarts. ``floor``: a factor of the base rate.
    ValueError for a length that is not positive or a floor outside [0, 1].

    >>> schedule = Cosine(epochs=10, floor=0.1)
    >>> [round(schedule(epoch), 6) for epoch in (0, 5, 10, 11)]
    [1.0, 0.55, 0.1, 0.1]
    """

    def __init__(self, epochs: float, floor: float = 0.0, interval: str = "step") -> None:
        check_positive("epochs", epochs)
        check_floor(floor)
        self.epochs = epochs
        self.floor = floor
        self.interval = check_interval(interval)

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        progress = min(epoch / self.epochs, 1.0)
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * progress)) / 2


class Linear:
    """Linear decay: 1 up to the share ``begin`` of ``epochs``, straight down to ``floor`` at ``end``, ``floor`` after.

    How Garipov et al. 2018 (arXiv:1802.10026) train single networks, in their code: 1 for half of training, 0.01 from
    nine tenths on. ValueError for a length that is not positive, for shares that do not ascend within [0, 1], or a
    floor outside [0, 1].

    >>> schedule = Linear(epochs=100)
    >>> [round(schedule(epoch), 6) for epoch in (0, 50, 70, 90, 99)]
    [1.0, 1.0, 0.505, 0.01, 0.01]
    """

    def __init__(
        self,
        epochs: float,
        begin: float = 0.5,
        end: float = 0.9,
        floor: float = 0.01,
        interval: str = "epoch",
    ) -> None:
        check_positive("epochs", epochs)
        if not 0 <= begin < end <= 1:
            raise ValueError(f"begin and end are shares of training with begin < end, got {begin} and {end}")
        check_floor(floor)
        self.epochs = epochs
        self.begin = begin
        self.end = end
        self.floor = floor
        self.interval = check_interval(interval)

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        fallen = (epoch / self.epochs - self.begin) / (self.end - self.begin)
        return 1 - (1 - self.floor) * min(max(fallen, 0.0), 1.0)
