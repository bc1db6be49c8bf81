"""Adaptive sampling against surfaces that are known everywhere."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from lossatlas.landscape import Adaptive, Engine, Problem, interpolation, parameters, surface
from lossatlas.landscape.mapping.map_points import map_points
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.sampling.adaptive import sampling_named
from lossatlas.landscape.sampling.full_grid import Sampled
from lossatlas.landscape.shapes.plane import Plane

Array = NDArray[np.float64]
N = 51


@pytest.fixture
def grid() -> tuple[Array, Array]:
    """x and y of 51 x 51 points over [-1, 1], (points,) each."""
    y, x = np.indices((N, N)).reshape(2, -1) / (N - 1) * 2 - 1
    return x, y


def sample(*losses: Array, **options: float) -> Sampled:
    """Sample the grid with a loss for each split, and the square root of its size beside each."""
    rows = np.stack([column for loss in losses for column in (loss, np.sqrt(abs(loss)))], axis=1)
    columns = range(0, 2 * len(losses), 2)
    return Adaptive(**options).sample((N, N), list(columns), partial(map_points, len(rows), rows.__getitem__))


def error(sampled: Sampled, loss: Array, *, ceiling: float = 10.0, column: int = 0) -> Array:
    """True errors as shares of the plotted range, (points,)."""
    plotted = np.minimum(loss, ceiling)
    return abs(np.minimum(sampled.rows[:, column], ceiling) - plotted) / np.ptp(plotted)


def test_a_quadratic_takes_very_few_points(grid: tuple[Array, Array]) -> None:
    x, y = grid
    loss = 1 + x**2 + 3 * y**2 - x * y
    sampled = sample(loss)
    assert sampled.attributes["converged"] == 1
    assert sampled.attributes["measured_points"] == sampled.measured.sum() < N * N / 40
    assert error(sampled, loss).max() < 1e-9


def test_a_loss_that_grows_over_decades_and_is_cut_off_takes_few_points(grid: tuple[Array, Array]) -> None:
    """Its plateau has an edge, but its logarithm has none."""
    x, y = grid
    loss = 0.01 * np.exp(9 * (x**2 + y**2))
    sampled = sample(loss)
    assert sampled.measured.mean() < 1 / 30
    assert error(sampled, loss).max() < 0.01
    assert error(sampled, loss, ceiling=np.inf).max() < 0.01


def test_points_are_measured_where_the_surface_is_rough(grid: tuple[Array, Array]) -> None:
    """A bump that is gone at a distance of 0.4."""
    x, y = grid
    loss = 1 + x + y + 4 * np.exp(-30 * ((x - 0.5) ** 2 + (y - 0.4) ** 2))
    sampled = sample(loss)
    near = (x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.4**2
    assert sampled.measured.mean() < 0.15
    assert sampled.measured[near].mean() > 2 * sampled.measured[~near].mean()
    assert error(sampled, loss).max() < 0.02


def test_a_ridge_is_followed(grid: tuple[Array, Array]) -> None:
    x, y = grid
    bent = x - 0.4 * np.sin(2 * y)
    loss = 2 + np.exp(-40 * bent**2) + 0.3 * y
    sampled = sample(loss)
    assert sampled.measured.mean() < 0.25
    assert sampled.measured[abs(bent) < 0.2].mean() > 2 * sampled.measured[abs(bent) > 0.4].mean()
    assert error(sampled, loss).max() < 0.02


@pytest.mark.parametrize("kind", ["noise", "waves"])
def test_a_chaotic_surface_is_measured_whole_and_says_so(grid: tuple[Array, Array], kind: str) -> None:
    x, y = grid
    loss = {"noise": np.random.default_rng(0).random(N * N), "waves": np.sin(40 * x) * np.cos(37 * y)}[kind]
    sampled = sample(loss)
    assert sampled.measured.all()
    assert sampled.rows[:, 0].tolist() == loss.tolist()
    assert sampled.attributes == {
        "ceiling": 10.0,
        "measured_points": N * N,
        "converged": 0,
        "estimated_error": 0.0,
        "held_out_error": 0.0,
        "held_out_error_95": 0.0,
    }


def test_a_constant_surface_is_within_any_tolerance(grid: tuple[Array, Array]) -> None:
    sampled = sample(np.full(N * N, 0.7))
    assert sampled.measured.sum() == 17 + 8 + 24  # coarse grid, a batch, held out
    np.testing.assert_allclose(sampled.rows[:, 0], 0.7, rtol=1e-12)


def test_a_smaller_tolerance_takes_more_points_and_is_met(grid: tuple[Array, Array]) -> None:
    x, y = grid
    loss = 2 + np.sin(3 * x + y) * np.cos(2 * y)
    coarse, fine = sample(loss, tolerance=0.03), sample(loss, tolerance=0.001)
    assert coarse.measured.sum() < fine.measured.sum() < N * N / 4
    assert error(coarse, loss).max() < 0.03
    assert error(fine, loss).max() < 0.002


def test_the_held_out_error_is_that_of_the_points_drawn_last(grid: tuple[Array, Array]) -> None:
    """The true one is known: nearly all points must be within tolerance, and the held-out ones among them."""
    x, y = grid
    loss = 2 + np.sin(3 * x + y) * np.cos(2 * y)
    visited: list[list[int]] = []

    def map_points(indices: Sequence[int], progress: object) -> Array:
        visited.append(list(indices))
        return loss[indices, None]

    sampled = Adaptive().sample((N, N), [0], map_points)
    assert len(visited[-1]) == 24
    before = [index for batch in visited[:-1] for index in batch]
    assert not set(before) & set(visited[-1])
    assert 0 < sampled.attributes["held_out_error_95"] <= sampled.attributes["held_out_error"] <= 0.01
    assert np.quantile(error(sampled, loss), 0.95) <= 0.01


def test_what_lies_below_the_ceiling_is_held_to_a_finer_scale(grid: tuple[Array, Array]) -> None:
    """A bump of 1 under a rim of 100, a hundredth of the whole range."""
    x, y = grid
    loss = 1 + np.exp(-30 * ((x - 0.3) ** 2 + y**2)) + 98 * np.maximum(x**2 + y**2 - 0.5, 0) ** 2
    low, whole = sample(loss, ceiling=2.5), sample(loss, ceiling=float("inf"))
    assert whole.measured.sum() < low.measured.sum()
    assert np.quantile(error(low, loss, ceiling=2.5), 0.95) < 0.01
    for sampled in (low, whole):
        assert sampled.attributes["converged"] == 1
        assert np.quantile(error(sampled, loss, ceiling=np.inf), 0.95) < 0.01


def test_what_lies_above_the_ceiling_is_judged_as_it_is_stored(grid: tuple[Array, Array]) -> None:
    """Cut off at the ceiling the surface is a bowl and a plateau; as it is stored, the plateau has waves."""
    x, y = grid
    radius = x**2 + y**2
    loss = 1 + 30 * radius + np.where(radius > 0.5, 40 * (radius - 0.5) ** 2 * np.sin(6 * x), 0)
    sampled = sample(loss, ceiling=10.0)
    assert sampled.attributes["converged"] == 1
    assert np.quantile(error(sampled, loss, ceiling=np.inf), 0.95) < 0.01
    assert error(sampled, loss, ceiling=np.inf).max() < 0.02


@pytest.mark.parametrize(("shift", "ceiling"), [(0.0, 10.0), (5.0, 10.0), (11.0, 100.0), (4000.0, 1e4)])
def test_a_ceiling_below_all_losses_is_raised(
    grid: tuple[Array, Array], shift: float, ceiling: float
) -> None:
    """Else all that is judged would be cut off, alike everywhere, and nothing be told of the surface."""
    x, y = grid
    loss = shift + 2 + np.sin(3 * x + y) * np.cos(2 * y)
    sampled = sample(loss)
    assert sampled.attributes["ceiling"] == ceiling
    assert sampled.attributes["converged"] == 1
    assert sampled.attributes["held_out_error"] > 0
    assert error(sampled, loss, ceiling=np.inf).max() < 0.02


def test_the_tolerance_holds_on_every_split_and_is_shared_by_none(grid: tuple[Array, Array]) -> None:
    """The second split is rough where the first is smooth, and has a hundredth of its range."""
    x, y = grid
    smooth, rough = 100 * (x**2 + y), 1 + np.sin(5 * x) * np.cos(6 * y)
    both, alone = sample(smooth, rough, ceiling=1e9), sample(smooth, ceiling=1e9)
    assert both.measured.sum() > 2 * alone.measured.sum()
    for split, loss in enumerate((smooth, rough)):
        assert error(both, loss, ceiling=1e9, column=2 * split).max() < 0.02


def test_other_values_are_interpolated_too_and_stay_within_their_range(grid: tuple[Array, Array]) -> None:
    x, y = grid
    loss = 1 + x**2 + 3 * y**2
    sampled = sample(loss)
    roots, missing = sampled.rows[:, 1], ~sampled.measured
    np.testing.assert_allclose(roots[missing], np.sqrt(loss)[missing], atol=0.05)
    assert roots.min() >= 1.0
    assert roots.max() <= np.sqrt(5.0)


def test_losses_that_are_not_finite_have_interpolated_neighbours_alike(grid: tuple[Array, Array]) -> None:
    x, y = grid
    loss = np.where(x + y > 1.2, np.nan, x**2 + y**2)
    sampled = sample(loss)
    assert sampled.attributes["converged"] == 1
    assert (np.isnan(sampled.rows[:, 0]) != np.isnan(loss)).mean() < 0.02
    assert np.isfinite(sample(np.where(x > 2, loss, np.inf)).rows).sum() == 0


@pytest.mark.parametrize("shape", [(2, 2), (3, 1), (1, 1), (4, 5)])
def test_a_small_grid_is_measured_whole(shape: tuple[int, int]) -> None:
    loss = np.arange(float(np.prod(shape)))[:, None] ** 3
    sampled = Adaptive().sample(shape, [0], lambda indices, progress: loss[indices])
    assert sampled.measured.all()
    assert sampled.rows.tolist() == loss.tolist()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"tolerance": 0.0}, "tolerance must be finite and > 0, got 0.0"),
        ({"tolerance": float("nan")}, "tolerance must be finite and > 0, got nan"),
        ({"ceiling": float("nan")}, "ceiling must be a number, or inf for none, got nan"),
        ({"held_out": 0}, "held_out must be >= 1, got 0"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(option: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Adaptive(**option)  # type: ignore[arg-type]


def test_an_unknown_sampling_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"unknown sampling 'adaptve', expected one of .*did you mean adaptive"
    ):
        sampling_named("adaptve", 0.01, 10.0)


@pytest.fixture
def trained() -> Problem:
    """A classifier of points in the plane that has learnt most of what there is to learn."""
    rng = torch.Generator().manual_seed(0)
    inputs = torch.randn(200, 2, generator=rng)
    targets = (inputs.norm(dim=1) > 1).long()
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.5, generator=rng)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    data = {"train": (inputs[:150], targets[:150]), "test": (inputs[150:], targets[150:])}
    return Problem(model, nn.functional.cross_entropy, data)


def test_a_networks_surface_is_the_full_one_to_the_tolerance(trained: Problem) -> None:
    full, sampled = surface(trained, points=31), surface(trained, points=31, sampling="adaptive")
    assert sampled.sizes == full.sizes
    assert sampled.measured.dims == ("y", "x")
    assert sampled.attrs["measured_points"] == int(sampled.measured.sum()) < 31 * 31 / 4
    assert (sampled.attrs["sampling"], sampled.attrs["tolerance"], sampled.attrs["ceiling"]) == (
        "adaptive",
        0.01,
        10,
    )
    for split in ("train", "test"):
        truth = full.loss.sel(split=split).clip(max=10)
        errors = abs(sampled.loss.sel(split=split).clip(max=10) - truth) / (truth.max() - truth.min())
        assert float(errors.max()) < 0.05
        assert float(errors.quantile(0.95)) < 0.01
    at = sampled.measured.astype(bool)
    assert sampled.loss.where(at).equals(full.loss.where(at))
    assert float(abs(sampled.error - full.error).mean()) < 0.02
    assert 0 <= float(sampled.error.min()) <= float(sampled.error.max()) <= 1


def test_adaptive_datasets_survive_netcdf(trained: Problem, tmp_path: Path) -> None:
    dataset = surface(trained, points=11, sampling="adaptive", ceiling=float("inf"))
    dataset.to_netcdf(tmp_path / "surface.nc", engine="h5netcdf")
    assert xr.load_dataset(tmp_path / "surface.nc", engine="h5netcdf").identical(dataset)


class StoppedError(Exception):
    pass


def stop_after(calls: int) -> Callable[[int, int], None]:
    left = iter(range(calls))

    def progress(done: int, total: int) -> None:
        if next(left, None) is None:
            raise StoppedError

    return progress


def test_an_interrupted_adaptive_survey_goes_on_and_ends_with_the_same_bits(
    trained: Problem, tmp_path: Path
) -> None:
    survey = partial(surface, trained, points=31, sampling="adaptive", engine=Engine(batch_size=64))
    whole = survey()
    journal = tmp_path / "surface.journal"
    for calls in (5, 30, 40):
        with pytest.raises(StoppedError):
            survey(journal=journal, progress=stop_after(calls))
    finished = journal.read_bytes().count(b"\n") - 1
    assert 17 < finished < whole.attrs["measured_points"]
    assert survey(journal=journal).identical(whole)
    assert journal.read_bytes().count(b"\n") - 1 == whole.attrs["measured_points"]


def test_progress_counts_towards_the_whole_grid(trained: Problem) -> None:
    seen: list[tuple[int, int]] = []
    dataset = surface(
        trained, points=21, sampling="adaptive", progress=lambda done, total: seen.append((done, total))
    )
    done = [done for done, _ in seen]
    assert done == sorted(done)
    assert (seen[0], seen[-1]) == ((0, 441), (441, 441))
    assert {total for _, total in seen} == {441}
    assert done[-2] == dataset.attrs["measured_points"]


def test_any_points_on_a_grid_can_be_sampled(trained: Problem) -> None:
    """A line is a grid of one axis."""
    other = {name: 2 * tensor for name, tensor in trained.model.state_dict().items()}
    full = interpolation(trained, other=other, points=201, low=0.0, high=1.0, splits=["train"])
    centre = parameters(trained.model)
    plane = Plane(centre, {name: other[name] - centre[name] for name in centre}, centre)
    grid = plane.grid(101, extent=1.0)
    line = type(grid)({"x": grid.axes["x"]}, lambda out, x: plane.place(out, 0.0, x))
    sampled = evaluate(trained, line, splits=["train"], sampling=Adaptive())
    assert int(sampled.measured.sum()) < 101
    ours = sampled.loss.sel(split="train", x=slice(0, None)).values
    theirs = full.loss.sel(split="train").values[::4]
    assert abs(ours - theirs).max() < 0.01 * np.ptp(sampled.loss.values) + 1e-5
