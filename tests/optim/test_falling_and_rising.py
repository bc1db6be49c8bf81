"""Schedules that only fall, that rise first, and that go by a metric, against torch's."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import (
    CyclicLR,
    ExponentialLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    StepLR,
)

from lossatlas.optim import (
    Constant,
    Cosine,
    Cyclic,
    CyclicCosine,
    Exponential,
    InverseTime,
    Monitoring,
    OneCycle,
    Plateau,
    Polynomial,
    Restarted,
    Schedule,
    Step,
    StepEvery,
    WarmRestarts,
    Zigzag,
    warmed_up,
)

STEPS = 10  # of an epoch


def rates(make: Any, length: int, **arguments: Any) -> list[float]:
    """Rates that torch's scheduler gives an optimizer of base rate 1."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0, momentum=0.9)
    scheduler = make(optimizer, **arguments)
    values = []
    for _ in range(length):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return values


def by_steps(schedule: Schedule, steps: int) -> list[float]:
    exact = schedule.in_steps(STEPS) if isinstance(schedule, Cyclic) else schedule
    return [exact(step / STEPS) for step in range(steps)]


def test_step_every_is_torchs_step() -> None:
    schedule = StepEvery(3, gamma=0.2)
    assert [schedule(k) for k in range(20)] == pytest.approx(rates(StepLR, 20, step_size=3, gamma=0.2))
    tenths = StepEvery(0.1, gamma=0.5)  # 0.3 / 0.1 is a little less than 3
    assert [tenths(k / 10) for k in range(6)] == [0.5**k for k in range(6)]


def test_exponential_and_polynomial_are_torchs() -> None:
    ours = [Exponential(0.9)(k) for k in range(12)]
    assert ours == pytest.approx(rates(ExponentialLR, 12, gamma=0.9))
    for power in (0.5, 1.0, 3.0):
        expected = rates(PolynomialLR, 14, total_iters=10, power=power)
        assert [Polynomial(10, power)(k) for k in range(14)] == pytest.approx(expected, abs=1e-12)
    assert Polynomial(10, floor=0.2)(5) == pytest.approx(0.6)
    assert Polynomial(10, floor=0.2)(11) == pytest.approx(0.2)


def test_inverse_decays_fall_as_a_power_of_time() -> None:
    """Far from the start ten times as late is a tenth, or a root of that; the sums go as log t and 2 sqrt(t)."""
    for power, sum_of_10000 in ((1.0, 9.7876), (0.5, 198.55)):
        schedule = InverseTime(power=power)
        assert schedule(1e6) / schedule(1e5) == pytest.approx(10**-power, rel=1e-4)
        assert sum(schedule(k) for k in range(10_000)) == pytest.approx(sum_of_10000, rel=1e-4)
    assert InverseTime(half=5)(5) == 0.5


@pytest.mark.parametrize("anneal", ["cosine", "linear"])
@pytest.mark.parametrize("three_phase", [False, True])
def test_one_cycle_is_torchs(anneal: Any, three_phase: bool) -> None:
    """Whose phases end a step earlier, at the last step and not at the end of training."""
    expected = rates(
        OneCycleLR,
        101,
        max_lr=1.0,
        total_steps=102,
        pct_start=0.3 * 101 / 102 + 1 / 102,
        anneal_strategy=anneal[:3] if anneal == "cosine" else anneal,
        three_phase=three_phase,
    )
    schedule = OneCycle(epochs=101, anneal=anneal, three_phase=three_phase)
    if not three_phase:
        assert [schedule(k) for k in range(101)] == pytest.approx(expected, abs=2e-3)
    places = (0, 30.3, 60.6, 101) if three_phase else (0, 30.3, 101)
    heights = [schedule(place) for place in places]
    assert heights == pytest.approx([0.04, 1.0, *([0.04] if three_phase else []), 4e-6])
    assert max(schedule(k) for k in range(101)) == pytest.approx(max(expected), abs=2e-3)


@pytest.mark.parametrize(
    ("shrink", "mode", "gamma"),
    [("none", "triangular", 1.0), ("half", "triangular2", 1.0), ("exponential", "exp_range", 0.9)],
)
def test_zigzag_is_torchs_cyclic_rate(shrink: Any, mode: str, gamma: float) -> None:
    """Gamma is that of an epoch here, that of a step there."""
    expected = rates(
        CyclicLR,
        90,
        base_lr=0.2,
        max_lr=1.0,
        step_size_up=15,
        mode=mode,
        gamma=gamma ** (1 / STEPS),
        cycle_momentum=False,
    )
    for schedule in (Zigzag(3, 0.2, shrink, gamma), Zigzag(30, 0.2, shrink, gamma, unit="steps")):
        assert by_steps(schedule, 90) == pytest.approx(expected, abs=1e-9)
        assert schedule.minima(90, STEPS) == (30, 60, 90)


# Warm-up

BEFORE: list[Schedule] = [
    Constant(),
    Step([2, 4]),
    StepEvery(2),
    Exponential(0.8),
    Polynomial(6),
    Cosine(6),
    InverseTime(),
    Restarted(Step([1]), 3),
    OneCycle(6),
    WarmRestarts(2),
    CyclicCosine(6, 3),
    Zigzag(2),
]


@pytest.mark.parametrize("schedule", BEFORE, ids=lambda schedule: type(schedule).__name__)
def test_a_warm_up_before_any_schedule_multiplies_it_or_comes_before_it(schedule: Schedule) -> None:
    """A schedule by the epoch is asked for whole ones, though the ramp rises at every step."""
    plain = by_steps(schedule, 100)
    if schedule.interval == "epoch":
        plain = [plain[step - step % STEPS] for step in range(100)]
    ramp = [min(0.1 + 0.9 * step / 15, 1.0) for step in range(100)]
    beside = by_steps(warmed_up(schedule, 1.5, start=0.1), 100)
    assert beside == pytest.approx([a * b for a, b in zip(ramp, plain, strict=True)])
    before = by_steps(warmed_up(schedule, 2, start=0.1, shifted=True), 100)
    ramp = [0.1 + 0.9 * step / 20 for step in range(20)]
    assert before == pytest.approx([*(plain[0] * r for r in ramp), *plain[:80]])


def test_cycles_that_are_warmed_up_are_cycles_still() -> None:
    schedule = WarmRestarts(2)
    beside, after = (warmed_up(schedule, 1, shifted=shifted) for shifted in (False, True))
    assert isinstance(beside, Cyclic)
    assert isinstance(after, Cyclic)
    assert beside.minima(60, STEPS) == schedule.minima(60, STEPS) == (20, 40, 60)
    assert after.minima(60, STEPS) == (30, 50)
    with pytest.raises(ValueError, match=r"a warm-up of 0.25 epochs is 2.5 steps; before cycles a whole"):
        warmed_up(schedule, 0.25, shifted=True).minima(60, STEPS)  # type: ignore[attr-defined]


# Plateau


def of_values(plateau: Monitoring, values: Sequence[float]) -> list[float]:
    rows = [
        {"epoch": 0, "step": 0},
        *({"epoch": k + 1, "step": k, "loss": value} for k, value in enumerate(values)),
    ]
    schedule = plateau.following(lambda: rows)
    return [schedule(epoch) for epoch in range(len(values) + 1)]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize(("patience", "cooldown"), [(0, 0), (2, 0), (1, 3)])
def test_a_plateau_is_torchs_on_any_course(
    mode: Any, threshold_mode: Any, patience: int, cooldown: int
) -> None:
    settings = {
        "mode": mode,
        "threshold_mode": threshold_mode,
        "patience": patience,
        "cooldown": cooldown,
        "threshold": 0.05,
        "factor": 0.5,
    }
    drawn = random.Random(0)
    values = [1 + drawn.random() * 0.97**k for k in range(60)] + [float("nan"), 0.2, 7.0]
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = ReduceLROnPlateau(optimizer, min_lr=0.01, eps=0.0, **settings)
    expected = [1.0]
    for value in values:
        theirs.step(value)
        expected.append(optimizer.param_groups[0]["lr"])
    ours = of_values(Plateau("loss", floor=0.01, **settings), values)
    assert ours == pytest.approx(expected)
    assert any(later < before for before, later in pairwise(ours))


def test_a_plateau_that_is_warmed_up_goes_by_the_metric_still() -> None:
    schedule = warmed_up(Plateau("loss", patience=0), 2)
    assert isinstance(schedule, Monitoring)
    assert schedule.monitor == "loss"
    assert of_values(schedule, [3.0, 3.0, 3.0, 1.0]) == pytest.approx([0.0, 0.5, 0.1, 0.01, 0.01])


def test_a_metric_that_is_not_there_is_told_with_those_that_are() -> None:
    schedule = Plateau("loss").following(lambda: [{"epoch": 1, "step": 3, "train_loss": 2.0, "lr": 0.1}])
    with pytest.raises(ValueError, match=r"no 'loss' in the record; expected one of train_loss, lr$"):
        schedule(1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StepEvery(0), "period must be positive, got 0"),
        (lambda: Exponential(1.1), r"gamma must be in \(0, 1\], got 1.1"),
        (lambda: Polynomial(3, power=0), "power must be positive, got 0"),
        (lambda: InverseTime(half=-1), "half must be positive, got -1"),
        (lambda: InverseTime(interval="batch"), "interval must be one of step, epoch, got 'batch'"),
        (lambda: OneCycle(3, rise=1.0), r"rise is a share of training and must be in \(0, 1\), got 1.0"),
        (lambda: OneCycle(3, rise=0.5, three_phase=True), r"in \(0, 0.5\) for three phases, got 0.5"),
        (lambda: OneCycle(3, start=2.0), r"start is a factor of the base rate .* \[0, 1\], got 2.0"),
        (lambda: OneCycle(3, anneal="cos"), "anneal must be one of cosine, linear, got 'cos'"),  # type: ignore[arg-type]
        (lambda: Zigzag(0), "cycle must be positive, got 0"),
        (lambda: Zigzag(2, shrink="third"), "shrink must be one of none, half, exponential"),  # type: ignore[arg-type]
        (lambda: Zigzag(0.25).in_steps(10), "a cycle of 0.25 epochs is 2.5 steps, expected a whole"),
        (lambda: Zigzag(9).minima(50, 10), "a cycle of 90 steps is longer than the run, which has 50"),
        (lambda: Zigzag(9, unit="steps")(1.5), "where a cycle of 9 steps is at epoch 1.5 depends on the"),
        (lambda: warmed_up(Constant(), 0), "length must be positive, got 0"),
        (lambda: warmed_up(Constant(), 1, start=-1), r"start is a factor .* \[0, 1\], got -1"),
        (lambda: Plateau("loss", factor=1.0), r"factor must be in \(0, 1\), got 1.0"),
        (lambda: Plateau("loss", patience=-1), "patience must be >= 0, got -1"),
        (lambda: Plateau("loss", mode="least"), "mode must be one of min, max, got 'least'"),  # type: ignore[arg-type]
        (lambda: Restarted(Plateau("loss"), 3), "Plateau goes by a metric, and cannot be gone through again"),
    ],
)
def test_schedules_that_cannot_be_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
