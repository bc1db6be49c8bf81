"""Widths and areas of level sets, of quadratics in closed form, and of a network against fine grids."""

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import Engine, Problem, level_sets, line, parameters, random_direction, surface
from lossatlas.measures.level_sets import interval_width, sublevel_area

CURVATURES = torch.tensor([0.5, 1.0, 4.0, 9.0], dtype=torch.float64)
PLAIN = {"normalize": "none", "ignore": "none", "seed": 5}


class Weights(nn.Module):
    """A network whose output, for each input, is its weights themselves."""

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(values, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.w


def bowl(values: list[float]) -> Problem:
    """Half of sum h_i w_i**2, in the plane of two directions an ellipse."""
    data = {"train": (torch.ones(7, 4, dtype=torch.float64), torch.zeros(7, 4, dtype=torch.float64))}
    return Problem(Weights(values), lambda out, _: (0.5 * CURVATURES * out**2).sum(1).mean(), data)


def directions(problem: Problem, number: int) -> np.ndarray:
    """The first directions, (number, 4)."""
    centre = parameters(problem.model)
    drawn = [random_direction(centre, index=index, **PLAIN)["w"] for index in range(number)]  # type: ignore[arg-type]
    return torch.stack(drawn).numpy()


def test_a_bowl_s_level_sets_are_intervals_and_ellipses() -> None:
    """Along d: 2 sqrt(2 L / d'Hd). In the plane, with G = D'HD: 2 pi L / sqrt(det G)."""
    problem = bowl([0.0] * 4)
    levels = [0.5, 2.0]
    dataset = level_sets(
        problem,
        directions=3,
        levels=levels,
        extent=10.0,
        angles=64,
        tolerance=1e-7,
        **PLAIN,  # type: ignore[arg-type]
    )
    d, h = directions(problem, 3), CURVATURES.numpy()
    curvature = np.einsum("ki,i,ki->k", d, h, d)
    np.testing.assert_allclose(
        dataset.width, 2 * np.sqrt(2 * np.array(levels) / curvature[:, None]), rtol=1e-6
    )
    gram = d[:2] @ np.diag(h) @ d[:2].T
    expected = 2 * np.pi * np.array(levels) / np.sqrt(np.linalg.det(gram))
    assert (abs(dataset.area - expected) <= dataset.area_error + 1e-5 * expected).all()
    np.testing.assert_allclose(dataset.area, expected, rtol=1e-3)
    assert (dataset.area_error > 0).all()


@pytest.mark.parametrize("relative", [True, False])
def test_from_beside_the_bottom_the_two_sides_differ(relative: bool) -> None:
    """(w + r d)'H(w + r d) / 2 = L in closed form; L absolute, or above the centre's."""
    w = [0.1, -0.3, 0.2, 0.05]
    problem = bowl(w)
    dataset = level_sets(
        problem,
        directions=2,
        levels=[1.0],
        relative=relative,
        extent=10.0,
        angles=0,
        tolerance=1e-8,
        **PLAIN,  # type: ignore[arg-type]
    )
    h, centre = CURVATURES.numpy(), np.array(w)
    loss = 0.5 * float(h @ centre**2)
    assert dataset.loss.item() == pytest.approx(loss, rel=1e-14)
    assert dataset.threshold.item() == pytest.approx(1.0 + relative * loss, rel=1e-14)
    for index, d in enumerate(directions(problem, 2)):
        low, high = sorted(np.roots([0.5 * h @ d**2, h @ (centre * d), loss - dataset.threshold.item()]).real)
        np.testing.assert_allclose(dataset.radius[index, :, 0], [-low, high], atol=1e-8)
    assert np.isnan(dataset.area).all()


def test_a_network_s_widths_and_areas_are_those_of_fine_grids(problem: Problem) -> None:
    """With filter-normalised directions of the same seed, measured as claims do on surveyed lines and surfaces."""
    at_a_minimum = _trained(problem)
    levels = [0.3, 0.6]
    found = level_sets(at_a_minimum, directions=2, levels=levels, seed=4, angles=32, tolerance=1e-4)
    lines = line(at_a_minimum, directions=2, points=101, seed=4, splits=["train"]).sel(split="train")
    plane = surface(at_a_minimum, points=31, extent=0.7, seed=4, splits=["train"]).sel(split="train")
    for level, threshold in zip(levels, found.threshold.values, strict=True):
        for k in range(2):
            width = interval_width(lines.alpha.values, lines.loss[k].values, threshold, 0.0)
            assert not width.open
            assert found.width.sel(direction=k, level=level).item() == pytest.approx(width.size, abs=2e-3)
        area = sublevel_area(plane.x.values, plane.y.values, plane.loss.values, threshold)
        assert not area.open
        assert found.area.sel(level=level).item() == pytest.approx(area.size, rel=0.03)
    assert found.measurements.item() < plane.loss.size


def _trained(problem: Problem) -> Problem:
    model = copy.deepcopy(problem.model).eval()
    inputs, targets = problem.data["train"]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        problem.loss(model(inputs), targets).backward()
        optimizer.step()
    return Problem(model, problem.loss, problem.data)


def test_rays_along_the_axes_of_the_plane_are_the_sides_of_the_first_two_lines(problem: Problem) -> None:
    found = level_sets(problem, directions=2, levels=[0.1], angles=4, tolerance=1e-5)
    sides = found.radius.values[..., 0]  # (direction, side)
    np.testing.assert_allclose(
        found.ray[:, 0], [sides[0, 1], sides[1, 1], sides[0, 0], sides[1, 0]], atol=1e-5
    )


def test_what_is_not_crossed_is_open_and_what_the_network_is_not_below_is_empty() -> None:
    problem = bowl([0.1, 0.1, 0.1, 0.1])
    dataset = level_sets(
        problem,
        directions=1,
        levels=[0.01, 1e6],
        relative=False,
        extent=1.0,
        angles=4,
        **PLAIN,  # type: ignore[arg-type]
    )
    assert dataset.width.values.tolist() == [[0.0, math.inf]]
    assert dataset.area.values.tolist() == [0.0, math.inf]


def test_a_network_with_a_loss_of_nan_has_no_level_sets() -> None:
    problem = bowl([math.nan] * 4)
    options = {**PLAIN, "normalize": "none"}
    dataset = level_sets(problem, directions=1, levels=[1.0], angles=4, **options)  # type: ignore[arg-type]
    assert np.isnan(dataset.width).all()
    assert np.isnan(dataset.area).all()
    assert dataset.measurements == 0


def test_other_directions_can_take_the_place_of_random_ones() -> None:
    """Along the coordinates i and j: widths 2 sqrt(2 L / h_i) and the area 2 pi L / sqrt(h_i h_j)."""
    given = [{"w": torch.eye(4, dtype=torch.float64)[i]} for i in (1, 3)]
    options = {"levels": [0.5], "extent": 3.0, "tolerance": 1e-6}
    dataset = level_sets(bowl([0.0] * 4), along=given, angles=48, **options)  # type: ignore[arg-type]
    np.testing.assert_allclose(dataset.width[:, 0], [2.0, 2 / 3], rtol=1e-5)
    assert dataset.area.item() == pytest.approx(math.pi / 3, rel=1e-4)
    assert dataset.attrs["directions"] == "given, given"
    with pytest.raises(ValueError, match="a survey along 2 directions cannot do with 1"):
        level_sets(bowl([0.0] * 4), along=given[0], **options)  # type: ignore[arg-type]


def test_an_interrupted_survey_goes_on_with_the_next_ray(problem: Problem, tmp_path: Path) -> None:
    options = {"directions": 1, "angles": 4, "levels": [0.1]}

    def stop(done: int, total: int) -> None:
        assert total == 6
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        level_sets(problem, journal=tmp_path / "journal", progress=stop, **options)  # type: ignore[arg-type]
    resumed = level_sets(problem, journal=tmp_path / "journal", **options)  # type: ignore[arg-type]
    assert resumed.identical(level_sets(problem, **options))  # type: ignore[arg-type]
    other = level_sets(problem, journal=tmp_path / "journal", **{**options, "levels": [0.2]})  # type: ignore[arg-type]
    assert (other.width.values > resumed.width.values).all()


def test_a_network_is_left_as_it_was(problem: Problem) -> None:
    before = copy.deepcopy(problem.model.state_dict())
    level_sets(problem, directions=1, levels=[0.1], angles=2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in problem.model.state_dict().items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directions": 0}, "directions must be >= 1, got 0"),
        ({"levels": []}, r"levels must be positive rises above the network's loss, got \[\]"),
        ({"levels": [0.1, 0.0]}, r"levels must be positive rises .*, got \[0\.1, 0\.0\]"),
        ({"levels": [math.inf], "relative": False}, r"levels must be finite losses, got \[inf\]"),
        ({"levels": [0.1, 0.1]}, r"levels must be different numbers, got \[0\.1, 0\.1\]"),
        ({"angles": 5}, "angles must be even, or 0 for no area, got 5"),
        ({"points": 0}, "points must be >= 1, got 0"),
        ({"extent": 0.0}, r"extent must be finite and > 0, got 0\.0"),
        ({"tolerance": 0.0}, r"tolerance must be finite and > 0, got 0\.0"),
        ({"normalize": "filters"}, "unknown normalize 'filters'"),
        ({"split": "valid"}, "unknown split 'valid', the data has train, test"),
    ],
)
def test_a_value_out_of_its_range_is_refused(
    problem: Problem, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        level_sets(problem, **options)  # type: ignore[arg-type]


def test_radii_are_found_in_the_dtype_of_the_weights(problem: Problem) -> None:
    """A root to 0.1 % means nothing in bfloat16, which has two digits."""
    few = {"directions": 1, "angles": 4, "points": 4}
    coarse = level_sets(problem, engine=Engine(precision="bfloat16"), **few)  # type: ignore[arg-type]
    assert coarse.attrs["precision"] == "float32"
    assert coarse.identical(level_sets(problem, **few))  # type: ignore[arg-type]
