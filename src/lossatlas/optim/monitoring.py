"""Learning rates by what training has measured: a function of the record, so that there is no state beside it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from lossatlas.optim.schedules import Schedule, check_floor

History = Sequence[Mapping[str, float]]
"""Rows by epoch, each with "epoch" and what was measured at its end, as of `lossatlas.studies.Study`."""


class Monitoring(ABC):
    """Schedule by a metric: a function of the values of ``monitor`` after each epoch so far."""

    interval = "epoch"
    monitor: str

    @abstractmethod
    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch`` with no values to go by, which is that at the start."""

    @abstractmethod
    def following(self, history: Callable[[], History]) -> Schedule:
        """Return the schedule that goes by the rows that ``history`` gives, of epochs up to the one it is asked for."""


class Plateau(Monitoring):
    """Plateau: multiplied by ``factor`` whenever a metric has not improved for more than ``patience`` epochs.

    By the rules of torch's ReduceLROnPlateau. A value improves on the best so far if it is better by more than
    ``threshold``.

    Parameters
    ----------
    monitor : str
        Column of the record: "validation_loss", say.
    factor : float, default 0.1
        In (0, 1).
    patience : int, default 10
        Epochs without improvement that are borne.
    mode : {"min", "max"}, default "min"
        Whether the metric is to fall or to grow.
    threshold : float, default 0.0001
        See ``threshold_mode``.
    threshold_mode : {"rel", "abs"}, default "rel"
        A share of the best value, or a difference.
    cooldown : int, default 0
        Epochs after a reduction that do not count as bad.
    floor : float, default 0.0
        Lowest factor of the base rate, in [0, 1].

    Raises
    ------
    ValueError
        For numbers out of their range, and, when it is asked, for a record without the metric.

    Examples
    --------
    >>> rows = [{"epoch": k, "validation_loss": loss} for k, loss in enumerate([9, 3, 2, 2, 2, 2])]
    >>> schedule = Plateau("validation_loss", patience=1).following(lambda: rows)
    >>> [schedule(epoch) for epoch in range(6)]
    [1.0, 1.0, 1.0, 1.0, 0.1, 0.1]
    """

    def __init__(
        self,
        monitor: str,
        factor: float = 0.1,
        patience: int = 10,
        mode: Literal["min", "max"] = "min",
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        floor: float = 0.0,
    ) -> None:
        if not 0 < factor < 1:
            raise ValueError(f"factor must be in (0, 1), got {factor}")
        for name, value in (("patience", patience), ("threshold", threshold), ("cooldown", cooldown)):
            if not value >= 0:
                raise ValueError(f"{name} must be >= 0, got {value}")
        for name, given, choices in (
            ("mode", mode, ("min", "max")),
            ("threshold_mode", threshold_mode, ("rel", "abs")),
        ):
            if given not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {given!r}")
        check_floor(floor)
        self.monitor = monitor
        self.factor = factor
        self.patience = patience
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.floor = floor

    def __call__(self, epoch: float) -> float:  # noqa: D102
        return 1.0

    def following(self, history: Callable[[], History]) -> Schedule:  # noqa: D102
        return _Following(self, history)

    def after(self, values: Sequence[float]) -> float:
        """Return the factor after epochs that ended with these ``values`` of the metric."""
        rate, bad, cooling = 1.0, 0, 0
        best = float("inf") if self.mode == "min" else -float("inf")
        for value in values:
            improved = self._is_better(value, best)
            best, bad = (value, 0) if improved else (best, bad + 1)
            if cooling:
                cooling, bad = cooling - 1, 0
            if bad > self.patience:
                rate, bad, cooling = max(rate * self.factor, self.floor), 0, self.cooldown
        return rate

    def _is_better(self, value: float, best: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "rel":
            return sign * value < sign * best * (1 - sign * self.threshold)
        return sign * value < sign * best - self.threshold


class _Following:
    """A `Plateau` that goes by the rows that ``history`` gives."""

    interval = "epoch"

    def __init__(self, plateau: Plateau, history: Callable[[], History]) -> None:
        self._plateau = plateau
        self._history = history

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``, after the rows of epochs 1 to it. ValueError if one lacks the metric."""
        name = self._plateau.monitor
        rows = [row for row in self._history() if 1 <= row["epoch"] <= epoch]
        if lacking := next((row for row in rows if name not in row), None):
            columns = ", ".join(key for key in lacking if key not in ("epoch", "step"))
            raise ValueError(f"monitor: there is no {name!r} in the record; expected one of {columns}")
        return self._plateau.after([row[name] for row in rows])
