"""Learning rates that rise first: a warm-up before any schedule, Smith's triangles, one cycle."""

import math
from collections.abc import Callable
from typing import Literal

from lossatlas.optim.cycles import UNITS, Cyclic, InSteps
from lossatlas.optim.monitoring import History, Monitoring
from lossatlas.optim.schedules import Schedule, check_floor, check_positive


def warmed_up(schedule: Schedule, length: float, start: float = 0.0, shifted: bool = False) -> Schedule:
    """Linear warm-up before a schedule: from ``start`` times its rate to all of it in ``length`` epochs.

    Goyal et al. 2017 (arXiv:1706.02677, section 2.2). The rate rises at every step.

    Parameters
    ----------
    schedule : Schedule
        What is warmed up to. Cyclic ones stay cyclic, their minima where they were, or so much later if shifted.
    length : float
        Epochs of warm-up, positive.
    start : float, default 0.0
        Factor at the beginning, in [0, 1].
    shifted : bool, default False
        Begin the schedule when the warm-up has ended; by default it begins with it and is multiplied by it, so that
        milestones and ends stay where they are.

    Returns
    -------
    Schedule
        Of the kind of ``schedule``: cyclic or by a metric if that is.

    Raises
    ------
    ValueError
        For numbers out of their range, and for a shifted cyclic schedule if the length is no whole number of steps.

    Examples
    --------
    >>> from lossatlas.optim import Step
    >>> schedule = warmed_up(Step([3], gamma=0.1), length=2)
    >>> [round(schedule(epoch), 3) for epoch in (0, 0.5, 1, 2, 2.5, 3)]
    [0.0, 0.25, 0.5, 1.0, 1.0, 0.1]
    >>> warmed_up(Step([3], gamma=0.1), length=2, shifted=True)(4.5)
    1.0
    """
    check_positive("length", length)
    check_floor(start, "start")
    kind = next((kind for of, kind in _KINDS.items() if isinstance(schedule, of)), WarmedUp)
    return kind(schedule, length, start, shifted)


class WarmedUp:
    """A schedule with a linear warm-up before it; see `warmed_up`."""

    interval = "step"

    def __init__(self, schedule: Schedule, length: float, start: float, shifted: bool) -> None:
        self.schedule = schedule
        self.length = length
        self.start = start
        self.shifted = shifted

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        place = max(epoch - self.length, 0.0) if self.shifted else epoch
        inner = self.schedule(place if self.schedule.interval == "step" else math.floor(place + 1e-9))
        return inner * (self.start + (1 - self.start) * min(epoch / self.length, 1.0))


class _CyclicWarmedUp(WarmedUp, Cyclic):
    """As `WarmedUp`, of a cyclic schedule."""

    schedule: Cyclic

    def in_steps(self, steps_per_epoch: int) -> Schedule:
        if self.shifted:
            self._steps(steps_per_epoch)
        return WarmedUp(self.schedule.in_steps(steps_per_epoch), self.length, self.start, self.shifted)

    def minima(self, steps: int, steps_per_epoch: int) -> tuple[int, ...]:
        later = self._steps(steps_per_epoch) if self.shifted else 0
        return tuple(step + later for step in self.schedule.minima(steps - later, steps_per_epoch))

    def _steps(self, steps_per_epoch: int) -> int:
        steps = self.length * steps_per_epoch
        if steps != int(steps):
            raise ValueError(
                f"a warm-up of {self.length} epochs is {steps} steps; before cycles a whole number is expected"
            )
        return int(steps)


class _MonitoringWarmedUp(WarmedUp, Monitoring):
    """As `WarmedUp`, of a schedule by a metric, which does not know of positions and so is never shifted."""

    schedule: Monitoring

    @property
    def monitor(self) -> str:  # type: ignore[override]
        return self.schedule.monitor

    def following(self, history: Callable[[], History]) -> Schedule:
        return WarmedUp(self.schedule.following(history), self.length, self.start, shifted=False)


_KINDS: dict[type, type[WarmedUp]] = {Cyclic: _CyclicWarmedUp, Monitoring: _MonitoringWarmedUp}


class Zigzag(Cyclic):
    """Triangular cyclical learning rate: straight from ``floor`` up to 1 and back down, over and over.

    Smith 2017 (arXiv:1506.01186), whose maximal rate is the base rate. `Triangular <lossatlas.optim.Triangular>`, of
    Garipov et al., begins at the top.

    Parameters
    ----------
    cycle : float
        Length in ``unit``, positive; twice the paper's step size, which is 2 to 10 epochs.
    floor : float, default 0.25
        Factor of the base rate at the bottom, in [0, 1]; the paper's tests find bases of a third or a fourth.
    shrink : {"none", "half", "exponential"}, default "none"
        What becomes of the height of cycles: it stays; it is halved with each cycle ("triangular2"); or it is
        multiplied by ``gamma`` at each epoch ("exp_range").
    gamma : float, default 1.0
        Factor of an epoch, in (0, 1], for "exponential".
    unit : {"epochs", "steps"}, default "epochs"
        Of ``cycle``.

    Raises
    ------
    ValueError
        For numbers out of their range, and, once the steps are known, for a cycle that is no whole number of them.

    Examples
    --------
    >>> schedule = Zigzag(cycle=4, floor=0.2)
    >>> [round(schedule(epoch), 2) for epoch in range(6)]
    [0.2, 0.6, 1.0, 0.6, 0.2, 0.6]
    >>> round(Zigzag(cycle=4, floor=0.2, shrink="half")(6), 2), schedule.minima(120, 10)
    (0.6, (40, 80, 120))
    """

    def __init__(
        self,
        cycle: float,
        floor: float = 0.25,
        shrink: Literal["none", "half", "exponential"] = "none",
        gamma: float = 1.0,
        unit: str = "epochs",
    ) -> None:
        if unit not in UNITS:
            raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
        if shrink not in ("none", "half", "exponential"):
            raise ValueError(f"shrink must be one of none, half, exponential, got {shrink!r}")
        check_positive("cycle", cycle)
        check_floor(floor)
        if not 0 < gamma <= 1:
            raise ValueError(f"gamma must be in (0, 1], got {gamma}")
        self.cycle = cycle
        self.floor = floor
        self.shrink = shrink
        self.gamma = gamma
        self.unit = unit

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``. ValueError for a cycle in steps, but at the start: it needs `in_steps`."""
        if self.unit == "steps" and epoch:
            raise ValueError(f"where a cycle of {self.cycle} steps is at epoch {epoch} depends on the data")
        return self._factor(epoch / self.cycle, epoch)

    def in_steps(self, steps_per_epoch: int) -> InSteps:  # noqa: D102
        length = self._length(steps_per_epoch)
        return InSteps(lambda step: self._factor(step / length, step / steps_per_epoch), steps_per_epoch)

    def minima(self, steps: int, steps_per_epoch: int) -> tuple[int, ...]:
        """As `Cyclic.minima`: the ends of the cycles. ValueError if not even one fits."""
        length = self._length(steps_per_epoch)
        if length > steps:
            raise ValueError(f"a cycle of {length} steps is longer than the run, which has {steps}")
        return tuple(range(length, steps + 1, length))

    def _factor(self, cycles: float, epoch: float) -> float:
        """The factor after so many ``cycles`` and epochs."""
        number = math.floor(cycles + 1e-12)
        height = {"none": 1.0, "half": 0.5**number, "exponential": self.gamma**epoch}[self.shrink]
        return self.floor + (1 - self.floor) * height * (1 - abs(2 * (cycles - number) - 1))

    def _length(self, steps_per_epoch: int) -> int:
        steps = self.cycle * (steps_per_epoch if self.unit == "epochs" else 1)
        if steps != int(steps):
            raise ValueError(f"a cycle of {self.cycle} {self.unit} is {steps} steps, expected a whole number")
        return int(steps)


class OneCycle:
    """One cycle: up from ``start`` to 1 in the share ``rise`` of ``epochs``, and down to ``end`` in the rest.

    Smith & Topin 2018 (arXiv:1708.07120). Momentum, which they let fall while the rate rises, stays as it is.

    Parameters
    ----------
    epochs : float
        Length, positive; ``end`` from there on.
    rise : float, default 0.3
        Share of it in which the rate rises, in (0, 1).
    start : float, default 0.04
        Factor at the beginning, in [0, 1].
    end : float, default 4e-06
        Factor at the end, in [0, 1].
    anneal : {"cosine", "linear"}, default "cosine"
        Along half a cosine each way, or in straight lines, as the paper has it.
    three_phase : bool, default False
        Fall to ``start`` in as long a time as it rose, and to ``end`` in what is left, as the paper has it.

    Raises
    ------
    ValueError
        For numbers out of their range, and for three phases if the rise takes half of training or more.

    Examples
    --------
    >>> schedule = OneCycle(epochs=10, anneal="linear", end=0.0)
    >>> [round(schedule(epoch), 3) for epoch in (0, 1.5, 3, 6.5, 10, 11)]
    [0.04, 0.52, 1.0, 0.5, 0.0, 0.0]
    """

    interval = "step"

    def __init__(
        self,
        epochs: float,
        rise: float = 0.3,
        start: float = 1 / 25,
        end: float = 1 / 250_000,
        anneal: Literal["cosine", "linear"] = "cosine",
        three_phase: bool = False,
    ) -> None:
        check_positive("epochs", epochs)
        if not 0 < rise < 1 or (three_phase and not rise < 0.5):
            most = "0.5) for three phases" if three_phase else "1)"
            raise ValueError(f"rise is a share of training and must be in (0, {most}, got {rise}")
        check_floor(start, "start")
        check_floor(end, "end")
        if anneal not in ("cosine", "linear"):
            raise ValueError(f"anneal must be one of cosine, linear, got {anneal!r}")
        self.epochs = epochs
        self.anneal = anneal
        self._knots = [(0.0, start), (rise, 1.0), *([(2 * rise, start)] if three_phase else []), (1.0, end)]

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        place = min(epoch / self.epochs, 1.0)
        number = next(k for k, (share, _) in enumerate(self._knots[1:]) if place <= share)
        (begin, low), (end, high) = self._knots[number : number + 2]
        done = (place - begin) / (end - begin)
        if self.anneal == "cosine":
            done = (1 - math.cos(math.pi * done)) / 2
        return low + (high - low) * done
