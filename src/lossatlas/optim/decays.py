"""Learning rates that only fall: in steps, exponentially, as a power of what is left, as 1/t and 1/sqrt(t)."""

import math

from lossatlas.optim.schedules import check_floor, check_interval, check_positive


class StepEvery:
    """Step decay at equal distances: multiplied by ``gamma`` every ``period`` epochs.

    At other distances: `Step <lossatlas.optim.Step>`.

    Parameters
    ----------
    period : float
        Epochs, positive.
    gamma : float, default 0.1
        Factor, positive.
    interval : {"epoch", "step"}, default "epoch"
        How often the rate is asked for.

    Raises
    ------
    ValueError
        For numbers that are not positive.

    Examples
    --------
    >>> schedule = StepEvery(30)
    >>> [round(schedule(epoch), 6) for epoch in (0, 29, 30, 60)]
    [1.0, 1.0, 0.1, 0.01]
    """

    def __init__(self, period: float, gamma: float = 0.1, interval: str = "epoch") -> None:
        check_positive("period", period)
        check_positive("gamma", gamma)
        self.period = period
        self.gamma = gamma
        self.interval = check_interval(interval)

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        return float(self.gamma ** math.floor(epoch / self.period + 1e-9))


class Exponential:
    """Exponential decay: gamma ** epoch.

    Parameters
    ----------
    gamma : float
        Factor of an epoch, in (0, 1].
    interval : {"step", "epoch"}, default "step"
        How often the rate is asked for.

    Raises
    ------
    ValueError
        For a gamma out of its range.

    Examples
    --------
    >>> Exponential(0.5)(3)
    0.125
    """

    def __init__(self, gamma: float, interval: str = "step") -> None:
        if not 0 < gamma <= 1:
            raise ValueError(f"gamma must be in (0, 1], got {gamma}")
        self.gamma = gamma
        self.interval = check_interval(interval)

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        return float(self.gamma**epoch)


class Polynomial:
    """Polynomial decay: from 1 to ``floor`` in ``epochs`` as a power of the share of them that is left.

    Parameters
    ----------
    epochs : float
        Length, positive; the floor from there on.
    power : float, default 1.0
        Positive; 1: a straight line.
    floor : float, default 0.0
        Factor of the base rate, in [0, 1].
    interval : {"step", "epoch"}, default "step"
        How often the rate is asked for.

    Raises
    ------
    ValueError
        For numbers out of their range.

    Examples
    --------
    >>> schedule = Polynomial(epochs=10, power=2)
    >>> [round(schedule(epoch), 6) for epoch in (0, 5, 10, 11)]
    [1.0, 0.25, 0.0, 0.0]
    """

    def __init__(self, epochs: float, power: float = 1.0, floor: float = 0.0, interval: str = "step") -> None:
        check_positive("epochs", epochs)
        check_positive("power", power)
        check_floor(floor)
        self.epochs = epochs
        self.power = power
        self.floor = floor
        self.interval = check_interval(interval)

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        left = max(1 - epoch / self.epochs, 0.0)
        return float(self.floor + (1 - self.floor) * left**self.power)


class InverseTime:
    """Inverse decay: 1 / (1 + t / half) ** power after t epochs: 1/t with a power of 1, 1/sqrt(t) with one of 1/2.

    With a power in (1/2, 1] the rates sum up to infinity and their squares do not, under which stochastic gradient
    descent converges (Robbins & Monro 1951).

    Parameters
    ----------
    half : float, default 1.0
        Epochs after which 1 + t / half is 2.
    power : float, default 1.0
        Positive.
    interval : {"step", "epoch"}, default "step"
        How often the rate is asked for.

    Raises
    ------
    ValueError
        For numbers that are not positive.

    Examples
    --------
    >>> InverseTime(half=10)(10), InverseTime(half=1, power=0.5)(3)
    (0.5, 0.5)
    """

    def __init__(self, half: float = 1.0, power: float = 1.0, interval: str = "step") -> None:
        check_positive("half", half)
        check_positive("power", power)
        self.half = half
        self.power = power
        self.interval = check_interval(interval)

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        return float((1 + epoch / self.half) ** -self.power)
