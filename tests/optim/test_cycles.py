"""Schedules in cycles, and the steps after which their rates are lowest."""

import math

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, CyclicLR

from lossatlas.optim import Cyclic, CyclicCosine, Triangular, WarmRestarts


def by_steps(schedule: Cyclic, steps: int, steps_per_epoch: int) -> list[float]:
    """The factor at each of ``steps`` steps, asked for as a study does."""
    exact = schedule.in_steps(steps_per_epoch)
    assert exact.interval == "step"
    return [exact(step / steps_per_epoch) for step in range(steps)]


def huang2017(t: int, total: int, cycles: int) -> float:
    """Equation (2) of the paper with alpha_0 = 1, for iteration ``t``, counted from 1."""
    length = math.ceil(total / cycles)
    return 0.5 * (math.cos(math.pi * ((t - 1) % length) / length) + 1)


@pytest.mark.parametrize(
    ("epochs", "steps_per_epoch", "cycles"), [(4, 3, 1), (4, 3, 6), (7, 6, 3), (300, 7, 6)]
)
def test_cyclic_cosine_is_the_equation_of_the_paper_where_cycles_divide_the_steps(
    epochs: int, steps_per_epoch: int, cycles: int
) -> None:
    steps = epochs * steps_per_epoch
    assert steps % cycles == 0
    expected = [huang2017(t, steps, cycles) for t in range(1, steps + 1)]
    assert by_steps(CyclicCosine(epochs, cycles), steps, steps_per_epoch) == pytest.approx(
        expected, abs=1e-12
    )


@pytest.mark.parametrize(
    ("epochs", "steps_per_epoch", "cycles"), [(4, 5, 3), (10, 63, 4), (7, 11, 6), (200, 391, 6)]
)
def test_where_they_do_not_divide_only_the_last_cycle_departs_from_it_and_is_annealed_too(
    epochs: int, steps_per_epoch: int, cycles: int
) -> None:
    """As it stands the equation leaves the last, shorter cycle at a high rate: here it is a half cosine as well."""
    steps = epochs * steps_per_epoch
    length = math.ceil(steps / cycles)
    last = steps - (cycles - 1) * length
    assert 0 < last < length
    factors = by_steps(CyclicCosine(epochs, cycles), steps, steps_per_epoch)
    expected = [huang2017(t, steps, cycles) for t in range(1, steps + 1)]
    assert factors[:-last] == pytest.approx(expected[:-last], abs=1e-12)
    assert factors[-last:] == pytest.approx(
        [0.5 * (1 + math.cos(math.pi * k / last)) for k in range(last)], abs=1e-12
    )
    assert factors[-1] < expected[-1]


@pytest.mark.parametrize(("epochs", "cycles"), [(8, 6), (3, 4), (9, 7), (6, 5)])
def test_each_member_is_taken_after_the_lowest_rate_of_its_cycle(epochs: int, cycles: int) -> None:
    steps = epochs * 5
    schedule = CyclicCosine(epochs, cycles)
    minima = schedule.minima(steps, 5)
    assert len(minima) == cycles
    assert minima[-1] == steps
    factors = by_steps(schedule, steps, 5)
    for start, end in zip((0, *minima), minima, strict=False):
        cycle = factors[start:end]
        assert cycle[0] == 1.0
        assert cycle == sorted(cycle, reverse=True)


def test_a_run_of_fewer_epochs_has_the_members_of_the_cycles_that_it_ends() -> None:
    assert CyclicCosine(epochs=12, cycles=4).minima(steps=7 * 10, steps_per_epoch=10) == (30, 60)


def test_after_its_epochs_the_cosine_stays_low() -> None:
    schedule = CyclicCosine(epochs=2, cycles=2)
    assert schedule(2) == schedule(5.5) == 0
    assert schedule.in_steps(7)(2) == schedule.in_steps(7)(5.5) == 0


@pytest.mark.parametrize("epoch", [0, 0.25, 1.9, 2.0, 3.3, 5.999])
@pytest.mark.parametrize(
    "schedule",
    [CyclicCosine(6, 3), Triangular(2, floor=0.1), WarmRestarts(1, 2)],
    ids=["cosine", "triangular", "restarts"],
)
def test_a_schedule_is_the_limit_of_very_many_steps_an_epoch(schedule: Cyclic, epoch: float) -> None:
    assert schedule(epoch) == pytest.approx(schedule.in_steps(10_000)(epoch), abs=1e-3)


def garipov2018(i: int, c: int, alpha_1: float, alpha_2: float) -> float:
    """The rate of algorithm 1 at iteration ``i``, counted from 1 (section 4 of the paper)."""
    t = ((i - 1) % c + 1) / c
    if t <= 0.5:
        return (1 - 2 * t) * alpha_1 + 2 * t * alpha_2
    return (2 - 2 * t) * alpha_2 + (2 * t - 1) * alpha_1


@pytest.mark.parametrize(
    ("cycle", "unit", "steps"), [(4, "epochs", 20), (2, "epochs", 10), (6, "steps", 6), (2, "steps", 2)]
)
def test_triangular_cycles_are_those_of_algorithm_1(cycle: int, unit: str, steps: int) -> None:
    factors = by_steps(Triangular(cycle, floor=0.2, unit=unit), 45, 5)
    expected = [garipov2018(i, steps, 0.05, 0.01) for i in range(1, 46)]
    assert [0.05 * factor for factor in factors] == pytest.approx(expected, rel=1e-12)


def test_the_triangle_is_torchs_upside_down_and_a_step_ahead() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0, momentum=0.9)
    theirs = CyclicLR(optimizer, base_lr=-1.0, max_lr=-0.25, step_size_up=3, cycle_momentum=False)
    values = []
    for _ in range(13):
        values.append(-optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    factors = by_steps(Triangular(6, floor=0.25, unit="steps"), 12, 4)
    assert factors == pytest.approx(values[1:], abs=1e-12)


@pytest.mark.parametrize(("cycle", "unit"), [(2, "epochs"), (4, "epochs"), (6, "steps"), (20, "steps")])
def test_members_of_triangular_cycles_lie_at_the_minima_and_nowhere_else(cycle: int, unit: str) -> None:
    """Half of the checkpoints that the paper's code saves are at the maxima, and none of its ensemble."""
    schedule = Triangular(cycle, floor=0.2, unit=unit)
    factors = by_steps(schedule, 60, 5)
    lowest = [step + 1 for step, factor in enumerate(factors) if factor == pytest.approx(0.2)]
    assert list(schedule.minima(60, 5)) == lowest
    length = cycle * (5 if unit == "epochs" else 1)
    assert lowest == [length // 2 + k * length for k in range(60 // length)]


@pytest.mark.parametrize("growth", [1, 2, 3])
@pytest.mark.parametrize("floor", [0.0, 0.1])
@pytest.mark.parametrize("period", [1, 10])
def test_warm_restarts_are_torchs_at_every_step(period: int, growth: int, floor: float) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = CosineAnnealingWarmRestarts(optimizer, T_0=period, T_mult=growth, eta_min=floor)
    schedule = WarmRestarts(period, growth, floor)
    for step in range(7 * 40):
        theirs.step(step / 7)
        assert schedule(step / 7) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)


@pytest.mark.parametrize(
    ("period", "growth", "epochs"),
    [
        (10, 2, (10, 30, 70, 150)),
        (1, 2, (1, 3, 7, 15, 31, 63, 127)),
        (50, 1, (50, 100, 150, 200)),
        (200, 1, (200,)),
    ],
)
def test_members_of_warm_restarts_lie_at_the_ends_of_the_periods_of_the_paper(
    period: int, growth: int, epochs: tuple[int, ...]
) -> None:
    """Within 200 epochs of 391 steps; with (10, 2) the paper takes its snapshots after 30, 70 and 150."""
    minima = WarmRestarts(period, growth).minima(200 * 391, 391)
    assert minima == tuple(epoch * 391 for epoch in epochs)


def test_a_period_that_ends_within_an_epoch_ends_with_the_last_step_before_the_rate_rises() -> None:
    schedule = WarmRestarts(period=0.5, growth=1.5)
    factors = by_steps(schedule, 40, 7)
    rises = [step for step in range(1, 40) if factors[step] > factors[step - 1]]
    assert [step for step in schedule.minima(40, 7) if step < 40] == rises


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CyclicCosine(0, 1), "epochs must be positive, got 0"),
        (lambda: CyclicCosine(3, 0), "cycles must be a whole number >= 1, got 0"),
        (lambda: CyclicCosine(3, 1.5), "cycles must be a whole number >= 1, got 1.5"),  # type: ignore[arg-type]
        (lambda: CyclicCosine(2, 11).in_steps(5), r"^11 cycles do not fit in 10 steps: at 1 steps each"),
        (lambda: CyclicCosine(2, 6).minima(10, 5), r"^6 cycles do not fit in 10 steps: at 2 steps each"),
        (lambda: Triangular(0, 0.1), "cycle must be positive, got 0"),
        (lambda: Triangular(2, 0), r"floor is a factor of the base rate and must be in \(0, 1\], got 0"),
        (lambda: Triangular(2, 0.1, "epoch"), "unit must be one of epochs, steps, got 'epoch'"),
        (lambda: Triangular(3, 0.1).in_steps(5), "a cycle of 3 epochs is 15 steps, an odd number"),
        (lambda: Triangular(3, 0.1, "steps").minima(9, 3), "a cycle of 3 steps is 3 steps, an odd number"),
        (lambda: Triangular(0.3, 0.1).in_steps(5), "a cycle of 0.3 epochs is 1.5 steps, expected a whole"),
        (
            lambda: Triangular(4, 0.1).minima(15, 5),
            "a cycle of 20 steps is longer than the run, which has 15",
        ),
        (lambda: Triangular(4, 0.1, "steps")(1.5), "where a cycle of 4 steps is at epoch 1.5 depends on the"),
        (lambda: WarmRestarts(0), "period must be positive, got 0"),
        (lambda: WarmRestarts(1, 0.5), "growth must be >= 1, got 0.5"),
        (lambda: WarmRestarts(1, 1, 2), r"floor is a factor of the base rate .* \[0, 1\], got 2"),
    ],
)
def test_cycles_that_cannot_be_are_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
