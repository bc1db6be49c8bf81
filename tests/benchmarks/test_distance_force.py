"""The ways of adding a force that the benchmark compares do the same work."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

ROOT = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT)
    return import_module("distance_force")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 10))


@pytest.mark.parametrize("checkpoints", [1, 3])
def test_all_ways_add_the_same_force_to_what_is_there(benchmark: ModuleType, checkpoints: int) -> None:
    parameters = list(network().parameters())
    held = benchmark.far_from(network(), checkpoints)
    adds = {name: way(parameters, held) for name, way in benchmark.WAYS.items()}
    truth = benchmark.exact(parameters, held)
    errors = benchmark.check_equal(benchmark.forces(parameters, adds), truth)
    assert errors.keys() == benchmark.WAYS.keys()
    once = torch.cat([parameter.grad.flatten() for parameter in parameters])
    for add in adds.values():
        add()
    again = torch.cat([parameter.grad.flatten() for parameter in parameters])
    torch.testing.assert_close(again, once * (1 + len(adds)), rtol=1e-5, atol=1e-8)


def test_checkpoints_are_as_far_away_as_the_thesis_s(benchmark: ModuleType) -> None:
    (checkpoint,) = benchmark.far_from(network(), 1)
    here = network().parameters()
    squared = sum((p.detach() - c).square().sum() for p, c in zip(here, checkpoint, strict=True))
    assert 300 < squared < 700


def test_a_way_that_does_other_work_is_not_compared(benchmark: ModuleType) -> None:
    truth = torch.ones(5, dtype=torch.float64)
    with pytest.raises(
        AssertionError, match=r"^autograd is off by 1e-05 of the force: it does not do the same work"
    ):
        benchmark.check_equal({"foreach": truth, "autograd": truth * (1 + 1e-5)}, truth)
