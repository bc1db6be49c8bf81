"""Schedules that are begun anew."""

import pytest

from lossatlas.optim import Cosine, Restarted, Step, WarmRestarts


@pytest.mark.parametrize("steps", [1, 7, 391])
def test_a_restarted_cosine_is_one_with_warm_restarts_at_every_step(steps: int) -> None:
    """391 steps an epoch are those of CIFAR-10 in batches of 128; no restart comes a step early or late."""
    ours, theirs = Restarted(Cosine(epochs=15), period=15), WarmRestarts(period=15, growth=1)
    places = [step / steps for step in range(46 * steps)]
    assert [ours(place) for place in places] == pytest.approx([theirs(place) for place in places], abs=1e-9)


def test_steps_fall_at_the_same_epochs_of_each_period() -> None:
    schedule = Restarted(Step([50, 100], gamma=0.1), period=150)
    assert schedule.interval == "epoch"
    factors = [schedule(epoch) for epoch in range(450)]
    assert factors == pytest.approx(([1.0] * 50 + [0.1] * 50 + [0.01] * 50) * 3)


@pytest.mark.parametrize("period", [0, -1.5])
def test_a_period_must_be_positive(period: float) -> None:
    with pytest.raises(ValueError, match=f"period must be positive, got {period}"):
        Restarted(Step([1]), period=period)
