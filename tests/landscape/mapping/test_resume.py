"""Surveys that are interrupted and go on."""

import copy
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
import xarray as xr
from torch import nn

from lossatlas.landscape import Engine, Problem, interpolation, line, sharpness, state, surface
from lossatlas.landscape.measuring.prepared import PreparedProblem
from lossatlas.landscape.shapes.combination import Combination


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one entry with each measurement of a point."""
    calls: list[int] = []
    original = PreparedProblem.measure

    def counted(self: PreparedProblem, combination: Combination | None = None) -> list[float]:
        calls.append(1)
        return original(self, combination)

    monkeypatch.setattr(PreparedProblem, "measure", counted)
    return calls


class Interruption(Exception):  # noqa: N818
    pass


def _stop_after(points: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done == points:
            raise Interruption

    return progress


def test_an_interrupted_surface_goes_on_and_ends_with_the_same_bits(
    problem: Problem, tmp_path: Path, measured: list[int]
) -> None:
    whole = surface(problem, points=5)
    journal = tmp_path / "surface.journal"
    for stop in (3, 11):
        with pytest.raises(Interruption):
            surface(problem, points=5, journal=journal, progress=_stop_after(stop))
    measured.clear()
    heard: list[int] = []
    resumed = surface(problem, points=5, journal=journal, progress=lambda done, total: heard.append(done))
    assert resumed.identical(whole)
    assert heard == list(range(11, 26))
    assert len(measured) == 25 - 11 + 1  # one at the centre, by which the journal knows the problem


def test_a_finished_survey_is_read_from_its_journal(
    problem: Problem, tmp_path: Path, measured: list[int]
) -> None:
    journal = tmp_path / "line.journal"
    whole = line(problem, directions=2, points=5, journal=journal)
    measured.clear()
    assert line(problem, directions=2, points=5, journal=journal).identical(whole)
    assert len(measured) == 1


def test_an_interpolation_and_a_sharpness_go_on(
    problem: Problem, other_network: nn.Module, tmp_path: Path
) -> None:
    other = other_network.state_dict()
    surveys: dict[str, Callable[..., object]] = {
        "interpolation": lambda **how: interpolation(problem, other=other, points=9, **how),
        "sharpness": lambda **how: sharpness(problem, iterations=2, **how),
    }
    for name, survey in surveys.items():
        with pytest.raises(Interruption):
            survey(journal=tmp_path / name, progress=_stop_after(1))
        assert survey(journal=tmp_path / name).identical(survey())  # type: ignore[attr-defined]


def _other_weights(problem: Problem) -> Problem:
    twin = copy.deepcopy(problem.model)
    twin[4].weight.data *= 2  # without effect on the outputs, given the next two lines
    twin[5].running_mean *= 2
    twin[5].running_var *= 4
    twin[5].eps *= 4
    return Problem(twin, problem.loss, problem.data)


def _other_data(problem: Problem) -> Problem:
    data = {split: (inputs.flip(-1), targets) for split, (inputs, targets) in problem.data.items()}
    return Problem(problem.model, problem.loss, data)


def _other_loss(problem: Problem) -> Problem:
    return Problem(problem.model, nn.CrossEntropyLoss(label_smoothing=0.1), problem.data)


@pytest.mark.parametrize("change", [_other_weights, _other_data, _other_loss])
def test_points_of_another_problem_are_not_mixed_in(
    problem: Problem, tmp_path: Path, change: Callable[[Problem], Problem]
) -> None:
    """A rival keys its results by path and range alone, and gives old numbers for an overwritten network."""
    changed = change(problem)
    for survey in (partial(surface, points=3), partial(sharpness, iterations=1)):
        journal = tmp_path / survey.func.__name__
        survey(problem, journal=journal)
        assert survey(changed, journal=journal).identical(survey(changed))
        assert journal.with_name(f"{journal.name}.stale").exists()


def test_points_with_statistics_of_other_data_are_not_mixed_in(problem: Problem, tmp_path: Path) -> None:
    """A change too small to be seen in the rounded metrics, in a split that is not measured itself."""
    inputs, targets = problem.data["train"]
    data = {**problem.data, "train": (inputs + 1e-6, targets)}
    changed = Problem(problem.model, problem.loss, data)
    recomputed = partial(surface, points=3, splits=["test"], engine=Engine(evaluation="recompute"))
    recomputed(problem, journal=tmp_path / "journal")
    assert recomputed(changed, journal=tmp_path / "journal").identical(recomputed(changed))
    assert (tmp_path / "journal.stale").exists()


@pytest.mark.parametrize(
    "option", [{"seed": 1}, {"extent": 0.5}, {"normalize": "layer"}, {"ignore": "none"}, {"splits": ["test"]}]
)
def test_points_of_another_survey_are_not_mixed_in(
    problem: Problem, tmp_path: Path, option: dict[str, object]
) -> None:
    journal = tmp_path / "surface.journal"
    surface(problem, points=3, journal=journal)
    resurveyed = surface(problem, points=3, journal=journal, **option)  # type: ignore[arg-type]
    assert resurveyed.identical(surface(problem, points=3, **option))  # type: ignore[arg-type]


def test_points_towards_another_network_are_not_mixed_in(
    problem: Problem, other_network: nn.Module, tmp_path: Path
) -> None:
    journal = tmp_path / "interpolation.journal"
    towards, itself = other_network.state_dict(), state(problem.model) | problem.model.state_dict()
    interpolation(problem, other=towards, points=5, journal=journal)
    again = interpolation(problem, other=itself, points=5, journal=journal)
    assert again.identical(interpolation(problem, other=itself, points=5))


SCRIPT = """
import sys, time
import torch
from lossatlas.landscape import Problem, surface

torch.set_num_threads(1)
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
data = {"train": (torch.randn(20, 4), torch.arange(20) % 3)}
problem = Problem(model, torch.nn.functional.cross_entropy, data)
slow = lambda done, total: time.sleep(0.005)
dataset = surface(problem, points=15, journal=sys.argv[1], progress=slow if sys.argv[2] == "slow" else None)
dataset.to_netcdf(sys.argv[1] + "." + sys.argv[2], engine="h5netcdf")
"""


def test_a_killed_surface_goes_on_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    journal = tmp_path / "surface.journal"

    def start(path: Path, pace: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", SCRIPT, str(path), pace], env={**os.environ})

    killed, whole = start(journal, "slow"), start(tmp_path / "whole", "fast")
    deadline = time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") < 20:
        assert time.monotonic() < deadline
        assert killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    left = journal.read_bytes().count(b"\n")
    assert 20 <= left < 15 * 15
    assert start(journal, "fast").wait() == 0
    assert whole.wait() == 0
    assert journal.read_bytes().count(b"\n") == 15 * 15 + 1
    resumed, expected = (xr.load_dataset(tmp_path / name) for name in ("surface.journal.fast", "whole.fast"))
    assert resumed.identical(expected)
    assert not list(tmp_path.glob("*.stale"))


def _one_target(problem: Problem) -> Problem:
    data = {split: (inputs, targets.clone()) for split, (inputs, targets) in problem.data.items()}
    data["test"][1][-1] = (data["test"][1][-1] + 1) % 3
    return Problem(problem.model, problem.loss, data)


def _one_pixel(problem: Problem) -> Problem:
    """Too small a change for the loss to show it."""
    data = {split: (inputs.clone(), targets) for split, (inputs, targets) in problem.data.items()}
    data["train"][0][0, 0, 0, 0] *= 1 + 1e-6
    return Problem(problem.model, problem.loss, data)


def _order(problem: Problem) -> Problem:
    data = {split: (inputs.flip(0), targets.flip(0)) for split, (inputs, targets) in problem.data.items()}
    return Problem(problem.model, problem.loss, data)


def _code(problem: Problem) -> Problem:
    """The same parameters under the same names in another network."""
    layers = dict(problem.model.named_children())
    twin = nn.Sequential(*(nn.Tanh() if isinstance(layer, nn.ReLU) else layer for layer in layers.values()))
    return Problem(twin, problem.loss, problem.data)


@pytest.mark.parametrize("change", [_one_target, _one_pixel, _order, _code])
def test_a_small_change_makes_another_problem(
    problem: Problem, tmp_path: Path, measured: list[int], change: Callable[[Problem], Problem]
) -> None:
    line(problem, directions=1, points=3, journal=tmp_path / "j")
    measured.clear()
    line(change(problem), directions=1, points=3, journal=tmp_path / "j")
    assert len(measured) == 1 + 3
    assert (tmp_path / "j.stale").exists()


def test_the_same_problem_built_again_goes_on(problem: Problem, tmp_path: Path, measured: list[int]) -> None:
    """In whatever memory layout its tensors are, and whatever requires a gradient."""
    line(problem, directions=1, points=3, journal=tmp_path / "j")
    twin = copy.deepcopy(problem.model).to(memory_format=torch.channels_last).requires_grad_(False).train()
    data = {
        split: (inputs.contiguous(memory_format=torch.channels_last), targets.clone())
        for split, (inputs, targets) in problem.data.items()
    }
    measured.clear()
    line(Problem(twin, problem.loss, data), directions=1, points=3, journal=tmp_path / "j")
    assert len(measured) == 1


def test_a_survey_stopped_by_a_full_disk_goes_on_and_ends_with_the_same_bits(
    problem: Problem, tmp_path: Path
) -> None:
    whole = line(problem, directions=2, points=5)
    journal = tmp_path / "j"
    line(problem, directions=2, points=5, journal=journal)
    room = journal.stat().st_size // 2
    journal.unlink()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(OSError, match=f"File too large: '{journal}'"):
            line(problem, directions=2, points=5, journal=journal)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert journal.stat().st_size <= room
    assert line(problem, directions=2, points=5, journal=journal).identical(whole)
