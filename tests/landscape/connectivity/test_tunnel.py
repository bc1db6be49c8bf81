"""Radii of tunnels against those of loss functions that are quadratic in the weights."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import (
    Bezier,
    ControlledCurve,
    Engine,
    PolygonalChain,
    Problem,
    interpolation,
    tunnel,
)
from lossatlas.landscape.connectivity.tunnel import normal_direction
from lossatlas.weight_space import Weights, parameters, state

LEVELS = [0.3, 1.0]


@pytest.fixture
def curve(regression: Problem, rng: torch.Generator) -> ControlledCurve:
    others = [
        {
            name: torch.randn(tensor.shape, generator=rng, dtype=tensor.dtype)
            for name, tensor in state(regression.model).items()
        }
        for _ in range(2)
    ]
    return ControlledCurve(Bezier(bends=1), [state(regression.model), *others])


def at(curve: ControlledCurve, t: float) -> Weights:
    out = {name: torch.empty_like(tensor) for name, tensor in curve.control_points[0].items()}
    curve.place(out, t)
    return out


def quadratic(problem: Problem, centre: Weights, direction: Weights) -> tuple[float, float, float]:
    """c, b, a of the loss c + b r + a r^2 along a ray, from the residuals of the linear model."""
    x, y = problem.data["train"]
    residual = x @ centre["weight"].T + centre["bias"] - y
    change = x @ direction["weight"].T + direction["bias"]
    return (residual**2).mean().item(), 2 * (residual * change).mean().item(), (change**2).mean().item()


@pytest.mark.parametrize(
    ("normalize", "ignore"), [("none", "biasbn"), ("none", "none"), ("filter", "biasbn")]
)
@pytest.mark.parametrize("relative", [True, False])
def test_radii_are_the_roots_of_the_quadratic_along_each_ray(
    regression: Problem, curve: ControlledCurve, relative: bool, normalize: str, ignore: str
) -> None:
    levels = LEVELS if relative else [5.0, 50.0]
    dataset = tunnel(
        regression,
        through=curve,
        positions=3,
        directions=4,
        levels=levels,
        relative=relative,
        extent=20.0,
        points=400,
        tolerance=1e-7,
        normalize=normalize,
        ignore=ignore,
    )
    assert dataset.radius.dims == ("t", "direction", "level")
    finite = 0
    for k, t in enumerate([0.0, 0.5, 1.0]):
        for d in range(4):
            direction = normal_direction(
                curve, t, at(curve, t), seed=123, index=4 * k + d, normalize=normalize, ignore=ignore
            )
            c, b, a = quadratic(regression, at(curve, t), direction)
            assert dataset.loss.values[k] == pytest.approx(c)
            for level, radius in zip(levels, dataset.radius.values[k, d], strict=True):
                rise = level if relative else level - c
                expected = (-b + np.sqrt(b**2 + 4 * a * rise)) / (2 * a) if rise > 0 else 0.0
                assert radius == pytest.approx(expected, rel=1e-4, abs=1e-9)
                finite += radius > 0
    assert finite >= 8


def test_relative_radii_are_shares_of_the_norm_on_the_curve(
    regression: Problem, curve: ControlledCurve
) -> None:
    dataset = tunnel(regression, through=curve, positions=3, directions=2)
    for k, t in enumerate([0.0, 0.5, 1.0]):
        flat = np.concatenate([tensor.numpy().ravel() for tensor in at(curve, t).values()])
        assert dataset.norm.values[k] == pytest.approx(np.linalg.norm(flat))
        np.testing.assert_allclose(
            dataset.relative_radius.isel(t=k), dataset.radius.isel(t=k) / np.linalg.norm(flat)
        )
    assert dataset.length.values[-1] == pytest.approx(curve.length())


def test_a_ray_that_stays_below_a_level_is_open(regression: Problem, curve: ControlledCurve) -> None:
    dataset = tunnel(regression, through=curve, positions=2, directions=2, levels=[1e-6, 1e6], extent=0.5)
    assert np.isinf(dataset.radius.sel(level=1e6)).all()
    assert np.isfinite(dataset.radius.sel(level=1e-6)).any()


def test_networks_are_joined_by_straight_lines(problem: Problem, other_network: nn.Module) -> None:
    """The loss on the way is that of the interpolation survey, running statistics included."""
    other = other_network.state_dict()
    dataset = tunnel(problem, through=[other], positions=3, directions=1, levels=[0.1])
    line = interpolation(problem, other=other, low=0.0, high=1.0, points=3)
    np.testing.assert_allclose(dataset.loss, line.loss.sel(split="train"), rtol=1e-6)


def test_statistics_of_batch_norm_stay_those_on_the_curve_or_are_recomputed_at_each_point(
    problem: Problem, other_network: nn.Module
) -> None:
    """With the curve's own they may be anything where they are recomputed."""
    far = copy.deepcopy(other_network)
    far[1].running_mean.add_(3.0)  # type: ignore[operator, union-attr, index]
    kept, recomputed = (
        [
            tunnel(
                problem, through=[end.state_dict()], positions=3, directions=1, engine=engine
            ).radius.values
            for end in (other_network, far)
        ]
        for engine in (Engine(), Engine(evaluation="recompute"))
    )
    assert not np.array_equal(*kept)
    np.testing.assert_allclose(*recomputed, rtol=1e-3)


def test_an_interrupted_one_ends_with_the_same_bits(
    regression: Problem, curve: ControlledCurve, tmp_path: Path
) -> None:
    class EnoughError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        assert total == 9
        if done == 4:
            raise EnoughError

    options = {"through": curve, "positions": 3, "directions": 3}
    with pytest.raises(EnoughError):
        tunnel(regression, **options, journal=tmp_path / "journal", progress=stop)  # type: ignore[arg-type]
    visited: list[int] = []
    resumed = tunnel(
        regression, **options, journal=tmp_path / "journal", progress=lambda done, _: visited.append(done)
    )  # type: ignore[arg-type]
    assert visited == [4, 5, 6, 7, 8, 9]
    assert resumed.equals(tunnel(regression, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directions": 0}, r"^directions must be >= 1, got 0$"),
        ({"points": 0}, r"^points must be >= 1, got 0$"),
        ({"positions": 1}, r"^points must be >= 2, got 1$"),
        ({"levels": []}, r"^levels must be positive rises above the loss on the curve, got \[\]$"),
        ({"levels": [0.0]}, r"^levels must be positive rises above the loss on the curve, got \[0\.0\]$"),
        ({"levels": [0.5, 0.5]}, r"^levels must be different numbers, got \[0\.5, 0\.5\]$"),
        ({"levels": [np.nan], "relative": False}, r"^levels must be finite losses, got \[nan\]$"),
        ({"tolerance": 0.0}, r"^tolerance must be finite and > 0, got 0\.0$"),
        ({"extent": -1.0}, r"^extent must be finite and > 0, got -1\.0$"),
    ],
)
def test_what_makes_no_sense_is_refused(
    regression: Problem, curve: ControlledCurve, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        tunnel(regression, through=curve, **options)  # type: ignore[arg-type]


def test_a_curve_of_other_networks_is_refused_by_its_first_difference(
    regression: Problem, rng: torch.Generator
) -> None:
    points: list[dict[str, Tensor]] = [{"weight": torch.randn(4, 3, generator=rng)} for _ in range(2)]
    with pytest.raises(
        ValueError, match=r"^the curve has 'weight' of shape \(4, 3\), the network of shape \(2, 3\)$"
    ):
        tunnel(regression, through=ControlledCurve(PolygonalChain(bends=0), points))
    with pytest.raises(ValueError, match=r"^network 1 of the path has no 'bias', which the network has$"):
        tunnel(regression, through=[{"weight": torch.zeros(2, 3)}])


def test_the_network_is_left_as_it_was(problem: Problem, other_network: nn.Module) -> None:
    before = parameters(problem.model)
    tunnel(problem, through=[other_network.state_dict()], positions=2, directions=1)
    assert problem.model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in problem.model.named_parameters())
