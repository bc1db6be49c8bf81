"""Cyclic learning rates, and the optimizer steps after which they are lowest.

Cyclic schedules are functions of the position in epochs like all others. Those whose cycles are whole numbers of
steps take their exact form once they are told how many steps an epoch has (`Cyclic.in_steps`), as studies do.
"""

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Sequence

from lossatlas.optim.monitoring import Monitoring
from lossatlas.optim.schedules import Schedule, check_floor, check_positive

UNITS = ("epochs", "steps")


class Cyclic(ABC):
    """Cyclic schedule, which falls to a low rate again and again; called, it is that of very many steps an epoch."""

    interval = "step"

    @abstractmethod
    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""

    def in_steps(self, steps_per_epoch: int) -> Schedule:
        """Return the schedule for an epoch of so many steps."""
        return self

    @abstractmethod
    def minima(self, steps: int, steps_per_epoch: int) -> tuple[int, ...]:
        """Numbers of optimizer steps, ascending and at most ``steps``, after which the rate has been lowest."""


class InSteps:
    """A schedule that is given as a ``factor`` of the step, counted from 0.

    >>> InSteps(lambda step: 1 / (1 + step), steps_per_epoch=10)(0.3)
    0.25
    """

    interval = "step"

    def __init__(self, factor: Callable[[int], float], steps_per_epoch: int) -> None:
        self._factor = factor
        self._steps_per_epoch = steps_per_epoch

    def __call__(self, epoch: float) -> float:
        """Return the factor of the step at ``epoch``."""
        return self._factor(round(epoch * self._steps_per_epoch))


class CyclicCosine(Cyclic):
    """Cyclic cosine: half a cosine from 1 down to almost 0, ``cycles`` times within ``epochs``, and 0 from there on.

    Equation (2) of Huang et al. 2017 (arXiv:1704.00109), in optimizer steps: with T steps in ``epochs`` each cycle
    has ceil(T / cycles) of them. Where that does not divide T, fewer are left to the last cycle, which here goes down
    over what is left; the equation as it stands would stop it on the way. ValueError for numbers below 1, and, once
    the steps are known, where none are left to the last cycle.

    >>> schedule = CyclicCosine(epochs=2, cycles=3).in_steps(4)  # 8 steps: cycles of 3, 3 and 2
    >>> [round(schedule(step / 4), 2) for step in range(9)]
    [1.0, 0.75, 0.25, 1.0, 0.75, 0.25, 1.0, 0.5, 0.0]
    >>> CyclicCosine(epochs=2, cycles=3).minima(8, 4)
    (3, 6, 8)
    """

    def __init__(self, epochs: float, cycles: int) -> None:
        check_positive("epochs", epochs)
        if not (isinstance(cycles, int) and cycles >= 1):
            raise ValueError(f"cycles must be a whole number >= 1, got {cycles}")
        self.epochs = epochs
        self.cycles = cycles

    def __call__(self, epoch: float) -> float:  # noqa: D102
        length = self.epochs / self.cycles
        return _half_cosine(epoch % length / length) if epoch < self.epochs else 0.0

    def in_steps(self, steps_per_epoch: int) -> InSteps:  # noqa: D102
        ends = self._ends(steps_per_epoch)

        def factor(step: int) -> float:
            cycle = bisect_right(ends, step)
            if cycle == len(ends):
                return 0.0
            start = ends[cycle - 1] if cycle else 0
            return _half_cosine((step - start) / (ends[cycle] - start))

        return InSteps(factor, steps_per_epoch)

    def minima(self, steps: int, steps_per_epoch: int) -> tuple[int, ...]:  # noqa: D102
        return tuple(end for end in self._ends(steps_per_epoch) if end <= steps)

    def _ends(self, steps_per_epoch: int) -> Sequence[int]:
        steps = round(self.epochs * steps_per_epoch)
        length = -(-steps // self.cycles)
        if length * (self.cycles - 1) >= steps:
            raise ValueError(
                f"{self.cycles} cycles do not fit in {steps} steps: "
                f"at {length} steps each, none is left to the last; take fewer cycles"
            )
        return [*range(length, length * self.cycles, length), steps]


class Triangular(Cyclic):
    """Triangular cycles: straight from 1 down to ``floor`` in the first half and back up in the second, over and over.

    Algorithm 1 of Garipov et al. 2018 (arXiv:1802.10026): step i of c, counted from 1, is at t = i / c, so that the
    rate of step c / 2 is the lowest. ``cycle``: its length in ``unit``, "epochs" or "steps". ``floor``: a factor of
    the base rate. ValueError for a length that is not positive or no whole number of steps, for an odd number of
    them, which has no step in its middle, and for a floor outside (0, 1].

    >>> schedule = Triangular(cycle=4, floor=0.2, unit="steps").in_steps(4)
    >>> [round(schedule(step / 4), 2) for step in range(8)]
    [0.6, 0.2, 0.6, 1.0, 0.6, 0.2, 0.6, 1.0]
    >>> Triangular(cycle=4, floor=0.2, unit="steps").minima(8, 4)
    (2, 6)
    """

    def __init__(self, cycle: float, floor: float, unit: str = "epochs") -> None:
        if unit not in UNITS:
            raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
        check_positive("cycle", cycle)
        if not 0 < floor <= 1:
            raise ValueError(f"floor is a factor of the base rate and must be in (0, 1], got {floor}")
        self.cycle = cycle
        self.floor = floor
        self.unit = unit

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``. ValueError for a cycle in steps, but at the start: it needs `in_steps`."""
        if self.unit == "steps" and epoch:
            raise ValueError(f"where a cycle of {self.cycle} steps is at epoch {epoch} depends on the data")
        return self._factor(epoch % self.cycle / self.cycle)

    def in_steps(self, steps_per_epoch: int) -> InSteps:  # noqa: D102
        length = self._length(steps_per_epoch)
        return InSteps(lambda step: self._factor((step % length + 1) / length), steps_per_epoch)

    def minima(self, steps: int, steps_per_epoch: int) -> tuple[int, ...]:
        """As `Cyclic.minima`. ValueError if not even one cycle fits."""
        length = self._length(steps_per_epoch)
        if length > steps:
            raise ValueError(f"a cycle of {length} steps is longer than the run, which has {steps}")
        return tuple(range(length // 2, steps + 1, length))

    def _factor(self, place: float) -> float:
        """The factor at ``place``, from 0 to 1, in a cycle."""
        return self.floor + (1 - self.floor) * abs(1 - 2 * place)

    def _length(self, steps_per_epoch: int) -> int:
        steps = self.cycle * (steps_per_epoch if self.unit == "epochs" else 1)
        if steps != int(steps):
            raise ValueError(f"a cycle of {self.cycle} {self.unit} is {steps} steps, expected a whole number")
        if steps % 2:
            raise ValueError(
                f"a cycle of {self.cycle} {self.unit} is {int(steps)} steps, an odd number, and so has no step in its "
                "middle, where the rate is lowest and a member is kept; expected an even number"
            )
        return int(steps)


class WarmRestarts(Cyclic):
    """Warm restarts (SGDR): half a cosine from 1 to ``floor`` in ``period`` epochs, then in ``growth`` times as many.

    Equation (5) of Loshchilov & Hutter 2017 (arXiv:1608.03983), whose T_0 is ``period`` and T_mult ``growth``. The
    rate changes at every step. ``floor``: a factor of the base rate. ValueError for a period that is not positive, a
    growth below 1, or a floor outside [0, 1].

    >>> schedule = WarmRestarts(period=1, growth=2)
    >>> [round(schedule(epoch), 3) for epoch in (0, 0.5, 1, 2, 2.99, 3, 5)]
    [1.0, 0.5, 1.0, 0.5, 0.0, 1.0, 0.5]
    >>> schedule.minima(70, 10)
    (10, 30, 70)
    """

    def __init__(self, period: float, growth: float = 1, floor: float = 0.0) -> None:
        check_positive("period", period)
        if not growth >= 1:
            raise ValueError(f"growth must be >= 1, got {growth}")
        check_floor(floor)
        self.period = period
        self.growth = growth
        self.floor = floor

    def __call__(self, epoch: float) -> float:  # noqa: D102
        start, length = 0.0, self.period
        while epoch >= start + length:
            start, length = start + length, length * self.growth
        return self.floor + (1 - self.floor) * _half_cosine((epoch - start) / length)

    def minima(self, steps: int, steps_per_epoch: int) -> tuple[int, ...]:  # noqa: D102
        ends, end, length = [], self.period, self.period
        while (step := math.ceil(end * steps_per_epoch - 1e-9)) <= steps:
            ends.append(step)
            length *= self.growth
            end += length
        return tuple(ends)


def _half_cosine(place: float) -> float:
    """From 1 at 0 to 0 at 1.

    >>> _half_cosine(0.5)
    0.5
    """
    return (1 + math.cos(math.pi * place)) / 2


class Restarted:
    """A ``schedule`` of which the first ``period`` epochs are gone through over and over.

    So a rate that falls in steps can be held against one that falls along a cosine and is set back as often
    (`WarmRestarts`), as in figure 4.7 of the distance-kernel thesis (von Bachmann 2021). The rate changes when that of
    the schedule does, by its ``interval``. ValueError for a period that is not positive, and for a schedule by a
    metric, which does not know where it is.

    >>> from lossatlas.optim import Step
    >>> schedule = Restarted(Step([50, 100], gamma=0.1), period=150)
    >>> [round(schedule(epoch), 6) for epoch in (0, 50, 100, 149.99, 150, 200, 300)]
    [1.0, 0.1, 0.01, 0.01, 1.0, 0.1, 1.0]
    """

    def __init__(self, schedule: Schedule, period: float) -> None:
        check_positive("period", period)
        if isinstance(schedule, Monitoring):
            raise ValueError(f"{type(schedule).__name__} goes by a metric, and cannot be gone through again")
        self.schedule = schedule
        self.period = period
        self.interval = schedule.interval

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        return self.schedule(epoch % self.period)
