"""Maps of eigenvalues: closed forms, warm against cold, and interruptions."""

import copy
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from lossatlas.landscape import Problem, convexity, eigenvalues, surface
from lossatlas.landscape.measuring.prepared import PreparedProblem

MAPS = ("lambda_min", "lambda_max", "ratio", "loss")


@pytest.fixture
def small(rng: torch.Generator) -> Problem:
    """A network of 63 parameters that is convex in some places and not in others."""
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3, bias=False)).double()
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.7, generator=rng)
    data = torch.randn(20, 4, generator=rng, dtype=torch.float64)
    return Problem(model, nn.functional.cross_entropy, {"train": (data, torch.arange(20) % 3)})


class Quartic(nn.Module):
    """A network whose output, for each input, is its two weights."""

    def __init__(self, values: tuple[float, float]) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([values], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.w


def _quartic(outputs: Tensor, _: Tensor) -> Tensor:
    """w0**4 / 12 - 2 w1**2, whose Hessian is diag(w0**2, -4)."""
    return (outputs[:, 0] ** 4 / 12 - 2 * outputs[:, 1] ** 2).mean()


def test_the_map_of_a_quartic_is_its_second_derivative() -> None:
    x = torch.ones(3, 2, dtype=torch.float64)
    problem = Problem(Quartic((1.5, 0.5)), _quartic, {"train": (x, x)})
    along = [{"w": torch.tensor([[1.0, 0.0]])}, {"w": torch.tensor([[0.0, 1.0]])}]
    dataset = convexity(problem, points=5, along=along)
    w0 = 1.5 + dataset.x.values
    for row in range(5):
        np.testing.assert_allclose(dataset.lambda_max[row], w0**2, rtol=1e-10)
        np.testing.assert_allclose(dataset.lambda_min[row], -4, rtol=1e-10)
        np.testing.assert_allclose(dataset.ratio[row], 4 / w0**2, rtol=1e-10)


@pytest.mark.parametrize("warm", [True, False])
def test_warm_and_cold_find_the_dense_eigenvalues_to_the_tolerance(small: Problem, warm: bool) -> None:
    dataset = convexity(small, points=7, warm=warm, ignore="none", tolerance=0.01)
    exact = convexity(small, points=7, warm=False, ignore="none", tolerance=1e-6)
    assert (dataset.converged == 1).all()
    np.testing.assert_allclose(dataset.lambda_max, exact.lambda_max, rtol=0.01)
    np.testing.assert_allclose(dataset.lambda_min, exact.lambda_min, rtol=0.01)
    assert (abs(dataset.lambda_min - exact.lambda_min) <= dataset.residual_min + exact.residual_min).all()


def test_a_warm_start_saves_products(problem: Problem) -> None:
    warm, cold = (convexity(problem, points=5, extent=0.1, warm=warm) for warm in (True, False))
    assert warm.products[:, 1:].sum() < 0.85 * cold.products[:, 1:].sum()
    assert (warm.products[:, 0] == cold.products[:, 0]).all()


def test_the_grid_and_the_loss_are_the_surface_s_and_the_middle_is_the_network_s(problem: Problem) -> None:
    options = {"points": 3, "extent": 0.5, "seed": 7, "normalize": "layer"}
    dataset = convexity(problem, **options)  # type: ignore[arg-type]
    over = surface(problem, splits=["train"], **options)  # type: ignore[arg-type]
    assert (dataset.x == over.x).all()
    np.testing.assert_array_equal(dataset.loss, over.loss.sel(split="train"))
    exact = eigenvalues(problem, tolerance=1e-4).eigenvalue
    middle = dataset.sel(x=0, y=0)
    assert middle.lambda_min.item() == pytest.approx(exact.sel(end="smallest").item(), rel=0.02)
    assert middle.lambda_max.item() == pytest.approx(exact.sel(end="largest").item(), rel=0.02)


def test_points_that_are_not_finite_are_gaps_and_the_next_begins_anew(small: Problem) -> None:
    """The loss has no value on a strip; what is beyond it is as without the strip, and cold."""
    model = copy.deepcopy(small.model)
    strip = -100.0

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        value = nn.functional.cross_entropy(outputs, targets)
        return value if abs(model[2].weight[0, 0].item() - strip) > 0.1 else value * torch.inf

    problem = Problem(model, loss, small.data)
    direction = {"2.weight": torch.zeros(3, 8)}
    direction["2.weight"][0, 0] = 1.0
    options = {"points": 5, "along": [direction, {"0.bias": torch.ones(8)}]}
    cold = convexity(problem, warm=False, **options)  # type: ignore[arg-type]
    strip = model[2].weight[0, 0].item()
    dataset = convexity(problem, **options)  # type: ignore[arg-type]
    assert dataset.loss[:, 2].values.tolist() == [np.inf] * 5
    for name in ("lambda_min", "lambda_max", "ratio"):
        assert dataset[name][:, 2].isnull().all()
        assert dataset[name].notnull().sum() == 20
        np.testing.assert_array_equal(dataset[name][:, 3], cold[name][:, 3])
    assert (dataset.products[:, 2] == 0).all()
    assert dataset.not_finite == 5


class Interruption(Exception):  # noqa: N818
    pass


def _stop_after(points: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done == points:
            raise Interruption

    return progress


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one entry with each measurement of a loss."""
    calls: list[int] = []
    original = PreparedProblem.measure

    def counted(self: PreparedProblem) -> list[float]:
        calls.append(1)
        return original(self)

    monkeypatch.setattr(PreparedProblem, "measure", counted)
    return calls


def test_an_interrupted_map_goes_on_within_a_row_and_ends_with_the_same_bits(
    small: Problem, tmp_path: Path, measured: list[int]
) -> None:
    whole = convexity(small, points=5)
    journal = tmp_path / "j"
    for stop in (1, 8, 13):
        with pytest.raises(Interruption):
            convexity(small, points=5, journal=journal, progress=_stop_after(stop))
    measured.clear()
    assert convexity(small, points=5, journal=journal).identical(whole)
    assert len(measured) == 25 - 13 + 1  # one at the centre, by which the journal knows the problem
    assert [path.name for path in tmp_path.iterdir()] == ["j"]


def test_a_point_that_the_journal_missed_is_taken_from_what_is_beside_it(
    small: Problem, tmp_path: Path, measured: list[int]
) -> None:
    """As after a kill between the two writes."""
    whole = convexity(small, points=5)
    journal = tmp_path / "j"
    with pytest.raises(Interruption):
        convexity(small, points=5, journal=journal, progress=_stop_after(8))
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    measured.clear()
    assert convexity(small, points=5, journal=journal).identical(whole)
    assert len(measured) == 25 - 8 + 1


@pytest.mark.parametrize("damage", ["lost", "torn", "ahead"])
def test_without_the_vectors_of_its_last_point_a_row_is_measured_again(
    small: Problem, tmp_path: Path, damage: str
) -> None:
    whole = convexity(small, points=5)
    journal = tmp_path / "j"
    with pytest.raises(Interruption):
        convexity(small, points=5, journal=journal, progress=_stop_after(8))
    path = tmp_path / "j.chain1"
    if damage == "lost":
        path.unlink()
    elif damage == "torn":
        path.write_bytes(path.read_bytes()[:50])
    else:
        journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-2]))
    assert convexity(small, points=5, journal=journal).identical(whole)


def test_points_of_another_map_are_not_mixed_in(small: Problem, tmp_path: Path) -> None:
    journal = tmp_path / "j"
    with pytest.raises(Interruption):
        convexity(small, points=3, journal=journal, progress=_stop_after(5))
    for option in ({"tolerance": 0.1}, {"matrix": "gauss_newton"}, {"extent": 0.5}, {"seed": 1}):
        expected = convexity(small, points=3, **option)  # type: ignore[arg-type]
        assert convexity(small, points=3, journal=journal, **option).identical(expected)  # type: ignore[arg-type]


SCRIPT = """
import sys, time
import torch
from lossatlas.landscape import Problem, convexity

torch.set_num_threads(1)
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
data = {"train": (torch.randn(20, 4), torch.arange(20) % 3)}
problem = Problem(model, torch.nn.functional.cross_entropy, data)
slow = lambda done, total: time.sleep(0.01)
dataset = convexity(problem, points=9, journal=sys.argv[1], progress=slow if sys.argv[2] == "slow" else None)
dataset.to_netcdf(sys.argv[1] + "." + sys.argv[2], engine="h5netcdf")
"""


@pytest.mark.slow
def test_a_killed_map_goes_on_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    journal = tmp_path / "convexity.journal"

    def start(path: Path, pace: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", SCRIPT, str(path), pace], env={**os.environ})

    killed, whole = start(journal, "slow"), start(tmp_path / "whole", "fast")
    deadline = time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") < 24:
        assert time.monotonic() < deadline
        assert killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert 24 <= journal.read_bytes().count(b"\n") < 81
    assert start(journal, "fast").wait() == 0
    assert whole.wait() == 0
    resumed, expected = (
        xr.load_dataset(tmp_path / name) for name in ("convexity.journal.fast", "whole.fast")
    )
    assert resumed.identical(expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_an_interrupted_map_goes_on_on_a_gpu(problem: Problem, tmp_path: Path) -> None:
    data = {split: (x.cuda(), y.cuda()) for split, (x, y) in problem.data.items()}
    moved = Problem(problem.model.cuda(), problem.loss, data)
    with pytest.raises(Interruption):
        convexity(moved, points=3, journal=tmp_path / "j", progress=_stop_after(5))
    assert convexity(moved, points=3, journal=tmp_path / "j").identical(convexity(moved, points=3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"points": 1}, "points must be >= 2, got 1"),
        ({"extent": 0.0}, "extent must be finite and > 0, got 0"),
        ({"matrix": "fisher"}, "unknown matrix 'fisher'"),
        ({"tolerance": 0.0}, "tolerance must be between 0 and 1"),
        ({"split": "valid"}, "unknown split 'valid', the data has train"),
        ({"iterations": 1}, "iterations must be >= 2, the eigenvalues wanted, got 1"),
    ],
)
def test_a_value_out_of_its_range_is_refused(
    small: Problem, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        convexity(small, **options)  # type: ignore[arg-type]


def test_the_dataset_can_be_written(small: Problem, tmp_path: Path) -> None:
    dataset = convexity(small, points=3)
    dataset.to_netcdf(tmp_path / "convexity.nc", engine="h5netcdf")
    assert set(dataset.data_vars) > set(MAPS)
    assert dataset.lambda_min.dims == ("y", "x")
    assert all(variable.attrs.keys() == {"long_name", "units"} for variable in dataset.variables.values())
