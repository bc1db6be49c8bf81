"""Any schedule begun anew at equal distances."""

from lossatlas.optim.cycles import Factor


class Restarted:
    """A ``schedule`` of which the first ``period`` epochs are gone through over and over.

    So a rate that falls in steps can be held against one that falls along a cosine and is set back as often
    (`WarmRestarts`), as in figure 4.7 of the distance-kernel thesis (von Bachmann 2021). The rate changes when that of
    the schedule does, by its ``interval``. ValueError for a period that is not positive.

    >>> from lossatlas.optim import Step
    >>> schedule = Restarted(Step([50, 100], gamma=0.1), period=150)
    >>> [round(schedule(epoch), 6) for epoch in (0, 50, 100, 149.99, 150, 200, 300)]
    [1.0, 0.1, 0.01, 0.01, 1.0, 0.1, 1.0]
    """

    def __init__(self, schedule: Factor, period: float) -> None:
        if not period > 0:
            raise ValueError(f"period must be positive, got {period}")
        self.schedule = schedule
        self.period = period
        self.interval = schedule.interval

    def __call__(self, epoch: float) -> float:
        """Return the factor at ``epoch``."""
        return self.schedule(epoch % self.period)
