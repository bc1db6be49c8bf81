import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR

from lossatlas.optim import Constant, Cosine, Linear, Step


def rates(make: type[LRScheduler], length: int, **arguments: object) -> list[float]:
    """Rates that torch's scheduler gives an optimizer of base rate 1."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = make(optimizer, **arguments)
    values = []
    for _ in range(length):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return values


@pytest.mark.parametrize("milestones", [[3, 5, 9], [], [1]])
def test_step_is_torchs_multi_step(milestones: list[int]) -> None:
    schedule = Step(milestones, gamma=0.2)
    expected = rates(MultiStepLR, 12, milestones=milestones, gamma=0.2)
    assert [schedule(epoch) for epoch in range(12)] == pytest.approx(expected, rel=1e-12)


def test_step_changes_within_an_epoch_at_a_fractional_milestone() -> None:
    schedule = Step([1.5], gamma=0.5, interval="step")
    assert [schedule(epoch) for epoch in (1.49, 1.5, 2.0)] == [1.0, 0.5, 0.5]


@pytest.mark.parametrize("floor", [0.0, 0.1])
@pytest.mark.parametrize("steps", [1, 7])
def test_cosine_is_torchs_annealing_by_epochs_and_by_steps(floor: float, steps: int) -> None:
    schedule = Cosine(epochs=10, floor=floor)
    expected = rates(CosineAnnealingLR, 10 * steps + 1, T_max=10 * steps, eta_min=floor)
    assert [schedule(k / steps) for k in range(10 * steps + 1)] == pytest.approx(expected, abs=1e-12)


def test_cosine_stays_at_its_floor_after_its_end() -> None:
    assert Cosine(epochs=10, floor=0.25)(10) == Cosine(epochs=10, floor=0.25)(25) == 0.25


def garipov2018(epoch: int, epochs: int) -> float:
    """Factor of the paper's code: constant to a half, linear to a hundredth at nine tenths (arXiv:1802.10026)."""
    done = epoch / epochs
    if done <= 0.5:
        return 1.0
    return 1.0 - (done - 0.5) / 0.4 * 0.99 if done <= 0.9 else 0.01


@pytest.mark.parametrize("epochs", [150, 200, 7])
def test_linear_is_the_schedule_of_garipov_et_al(epochs: int) -> None:
    schedule = Linear(epochs)
    expected = [garipov2018(epoch, epochs) for epoch in range(epochs)]
    assert [schedule(epoch) for epoch in range(epochs)] == pytest.approx(expected, abs=1e-12)
    assert schedule(2 * epochs) == pytest.approx(0.01)


def test_constant_is_one_everywhere() -> None:
    assert {Constant()(epoch) for epoch in (0, 0.5, 1000)} == {1.0}


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (Step, {"milestones": [5, 3]}, r"milestones must be epochs in ascending order, got \[5, 3\]"),
        (Step, {"milestones": [3, 3]}, r"milestones must be epochs in ascending order, got \[3, 3\]"),
        (Step, {"milestones": [3], "gamma": 0}, "gamma must be positive, got 0"),
        (Cosine, {"epochs": 0}, "epochs must be positive, got 0"),
        (Cosine, {"epochs": 1, "floor": 1.5}, r"floor is a factor of the base rate .* \[0, 1\], got 1.5"),
        (Linear, {"epochs": 0}, "epochs must be positive, got 0"),
        (Linear, {"epochs": 9, "begin": 0.9}, "begin and end are shares .* begin < end, got 0.9 and 0.9"),
        (Linear, {"epochs": 9, "floor": -0.1}, r"floor is a factor of the base rate .* \[0, 1\], got -0.1"),
        (Linear, {"epochs": 9, "interval": "batch"}, "interval must be one of step, epoch, got 'batch'"),
        (Constant, {"interval": "batch"}, "interval must be one of step, epoch, got 'batch'"),
        (Step, {"milestones": [3], "interval": "batch"}, "interval must be one of step, epoch, got 'batch'"),
        (Cosine, {"epochs": 3, "interval": "batch"}, "interval must be one of step, epoch, got 'batch'"),
    ],
)
def test_bad_arguments_are_refused(make: type, arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**arguments)
