"""The cycles of an elastic band, and the rates that they have."""

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from lossatlas.optim import Constant, Cosine, Step
from lossatlas.studies.elastic_band.schedule import Cycle, CycledRate, Cycles

THREE = Cycles([Cycle(5), Cycle(3, factor=0.5), Cycle(4, factor=0.1)])


def test_each_step_belongs_to_one_cycle_and_the_last_goes_on() -> None:
    assert [THREE.at(step) for step in range(14)] == [0] * 5 + [1] * 3 + [2] * 6
    assert (THREE.starts, THREE.steps, len(THREE)) == ((0, 5, 8), 12, 3)


@pytest.mark.parametrize("steps_per_epoch", [1, 3, 7, 98, 391])
def test_the_rate_of_every_step_is_its_cycles_whatever_the_length_of_an_epoch(steps_per_epoch: int) -> None:
    """98 and 391 are those of CIFAR-10 in batches of 512 and 128: fractions of an epoch are not exact."""
    paper = Cycles([Cycle(1000), Cycle(2000, 0.1), Cycle(1000, 0.01)])
    rate = CycledRate(Constant(), paper, steps_per_epoch)
    expected = [1.0] * 1000 + [0.1] * 2000 + [0.01] * 1100
    assert [rate(step / steps_per_epoch) for step in range(4100)] == expected


def test_the_schedule_goes_on_below_the_factors() -> None:
    cosine, rate = Cosine(4), CycledRate(Cosine(4), THREE, 3)
    assert [rate(step / 3) for step in range(12)] == pytest.approx(
        [THREE.factor(step) * cosine(step / 3) for step in range(12)]
    )


def test_a_schedule_by_epochs_is_asked_for_whole_epochs() -> None:
    rate = CycledRate(Step([1], gamma=0.5, interval="epoch"), Cycles([Cycle(6)]), 3)
    assert [rate(step / 3) for step in range(6)] == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5]


def test_an_optimizer_gets_those_rates() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.2)
    rate = CycledRate(Constant(), THREE, 3)
    scheduler = LambdaLR(optimizer, lambda step: rate(step / 3))
    seen = []
    for _ in range(12):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert seen == pytest.approx([0.2] * 5 + [0.1] * 3 + [0.02] * 4)


def test_epochs_are_those_in_the_last_of_which_the_steps_end() -> None:
    THREE.check_epochs(3, 5)
    THREE.check_epochs(2, 6)
    for wrong in (2, 4):
        with pytest.raises(
            ValueError, match=f"epochs must be 3, .* 12 steps end .5 steps an epoch., got {wrong}"
        ):
            THREE.check_epochs(wrong, 5)


@pytest.mark.parametrize(("steps", "factor"), [(0, 1.0), (3, 0.0), (3, float("nan"))])
def test_a_cycle_needs_steps_and_a_rate(steps: int, factor: float) -> None:
    with pytest.raises(
        ValueError, match=f"steps >= 1 and a factor > 0, got {steps} steps and factor {factor}"
    ):
        Cycle(steps, factor)


def test_there_is_a_cycle() -> None:
    with pytest.raises(ValueError, match="cycles must be one or more"):
        Cycles([])
