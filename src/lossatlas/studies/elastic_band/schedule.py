"""Training cycles of an elastic band: their numbers of steps and factors of the learning rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from lossatlas.optim import Schedule


@dataclass(frozen=True)
class Cycle:
    """Training cycle: ``steps`` at ``factor`` times the scheduled rate. ValueError unless both are positive."""

    steps: int
    factor: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.factor > 0:
            raise ValueError(
                f"a cycle needs steps >= 1 and a factor > 0, got {self.steps} steps and factor {self.factor}"
            )


class Cycles:
    """Training cycles one after the other, the last of them to the end of training.

    ValueError if there is none.

    >>> cycles = Cycles([Cycle(4), Cycle(2, factor=0.1)])
    >>> cycles.steps, [cycles.at(step) for step in range(7)], cycles.starts
    (6, [0, 0, 0, 0, 1, 1, 1], (0, 4))
    """

    def __init__(self, cycles: Sequence[Cycle]) -> None:
        if not cycles:
            raise ValueError("cycles must be one or more, such as [{steps: 1000}], got none")
        self._cycles = tuple(cycles)
        ends = list(accumulate(cycle.steps for cycle in cycles))
        self.starts = (0, *ends[:-1])
        self.steps = ends[-1]

    def __len__(self) -> int:
        return len(self._cycles)

    def at(self, step: int) -> int:
        """Number of the cycle that ``step``, counted from 0, belongs to."""
        return max(number for number, start in enumerate(self.starts) if start <= step)

    def factor(self, step: int) -> float:
        """Factor of the rate at ``step``."""
        return self._cycles[self.at(step)].factor

    def check_epochs(self, epochs: int, steps_per_epoch: int) -> None:
        """Raise ValueError unless the last cycle ends in the last of ``epochs`` epochs."""
        needed = -(-self.steps // steps_per_epoch)
        if epochs != needed:
            raise ValueError(
                f"epochs must be {needed}, in the last of which the cycles' {self.steps} steps end "
                f"({steps_per_epoch} steps an epoch), got {epochs}"
            )


class CycledRate:
    """A schedule times the factors of the cycles; a function of the epoch, asked at every step.

    >>> from lossatlas.optim import Constant
    >>> rate = CycledRate(Constant(), Cycles([Cycle(4), Cycle(2, factor=0.1)]), steps_per_epoch=3)
    >>> [rate(step / 3) for step in range(6)]
    [1.0, 1.0, 1.0, 1.0, 0.1, 0.1]
    """

    interval = "step"

    def __init__(self, schedule: Schedule, cycles: Cycles, steps_per_epoch: int) -> None:
        self._schedule = schedule
        self._cycles = cycles
        self._steps_per_epoch = steps_per_epoch

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        of_schedule = self._schedule(epoch if self._schedule.interval == "step" else int(epoch))
        return of_schedule * self._cycles.factor(round(epoch * self._steps_per_epoch))
