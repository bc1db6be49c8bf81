"""Surveys of twins, which compute the same function, against what their rescaling does in closed form."""

import copy
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from lossatlas.landscape import (
    Engine,
    Problem,
    eigenvalues,
    level_sets,
    line,
    rescaled,
    sharpness,
    surface,
    twins,
)
from lossatlas.models import MLP

FACTORS = [0.1, 1.0, 10.0]


@pytest.fixture
def perceptron(
    images: dict[str, tuple[Tensor, Tensor]], randomized: Callable[[nn.Module], nn.Module]
) -> Problem:
    """Without batch norm, so that a factor of the first layer divides the second."""
    network = randomized(MLP([8], input_shape=(2, 8, 8), classes=3))
    return Problem(network, nn.functional.cross_entropy, images)


@pytest.fixture
def product() -> Problem:
    """f(x) = b relu(a x) with a = b = 1, at x = 1 against 0: half the Hessian of (ab)^2 is [[b^2, 2ab], [2ab, a^2]]."""
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False)).double()
    for parameter in network.parameters():
        parameter.data.fill_(1.0)
    one = torch.ones(1, 1, dtype=torch.float64)
    return Problem(network, nn.functional.mse_loss, {"train": (one, 0 * one)})


def test_the_largest_eigenvalue_is_that_of_the_rescaled_product(product: Problem) -> None:
    """At (c, 1/c): largest eigenvalue 1/c^2 + c^2 + sqrt((1/c^2 + c^2)^2 + 12), which grows without bound."""
    factors = [0.01, 0.1, 1.0, 10.0, 100.0]
    dataset = twins(product, survey=partial(eigenvalues, tolerance=1e-8), factors=factors)
    trace = np.array([1 / c**2 + c**2 for c in factors])
    found = dataset.eigenvalue.sel(end="largest", rank=1)
    np.testing.assert_allclose(found, trace + np.sqrt(trace**2 + 12), rtol=1e-9)
    assert dataset.output_difference.max() < 1e-14


def test_the_block_of_a_layer_before_batch_norm_grows_as_the_inverse_square(double_problem: Problem) -> None:
    """f(c W) = f(W) for the first layer's weights, so the second derivative by them is that at W over c^2.

    The largest eigenvalue of the whole Hessian lies between that of the block and the trace.
    """
    factors = [1e-3, 1e-2]
    dataset = twins(double_problem, survey=partial(eigenvalues, tolerance=1e-6), factors=factors)
    largest = dataset.eigenvalue.sel(end="largest", rank=1).values
    assert largest[0] / largest[1] == pytest.approx(100, rel=1e-3)


@pytest.mark.parametrize("layers", ["first", "all"])
@pytest.mark.parametrize("which", ["problem", "perceptron"])
def test_filter_normalised_lines_of_twins_coincide_and_others_do_not(
    which: str, layers: str, request: pytest.FixtureRequest
) -> None:
    problem = request.getfixturevalue(which)
    options = {"directions": 2, "points": 7, "splits": ["train"]}
    for normalize in ("filter", "layer"):
        dataset = twins(
            problem, survey=partial(line, normalize=normalize, **options), factors=FACTORS, layers=layers
        )
        own = dataset.loss.sel(factor=1.0)
        np.testing.assert_allclose(dataset.loss, own.broadcast_like(dataset.loss), rtol=1e-5)
    unscaled = twins(
        problem, survey=partial(line, normalize="none", **options), factors=FACTORS, layers=layers
    )
    assert abs(unscaled.loss.sel(factor=0.1) - unscaled.loss.sel(factor=1.0)).max() > 0.1
    own = line(problem, normalize="none", **options).loss
    np.testing.assert_allclose(unscaled.loss.sel(factor=1.0), own, rtol=1e-5)


def test_a_survey_of_twins_is_that_of_the_rescaled_network(problem: Problem) -> None:
    """Any survey, with its own variables, axes and attributes."""
    surveys = {
        "surface": partial(surface, points=3, splits=["test"], engine=Engine(batch_size=4)),
        "sharpness": partial(sharpness, iterations=2),
        "level_sets": partial(level_sets, directions=1, angles=4, points=4, tolerance=0.1),
    }
    twin = copy.deepcopy(problem.model)
    twin.load_state_dict(rescaled(problem.model, 3.0), strict=False)
    for name, survey in surveys.items():
        dataset = twins(problem, survey=survey, factors=[1.0, 3.0])
        assert (dataset.attrs["survey"], dataset.attrs["of"], dataset.attrs["layers"]) == (
            "twins",
            name,
            "first",
        )
        expected = survey(Problem(twin, problem.loss, problem.data))
        found = dataset.sel(factor=3.0).drop_vars(["factor", "output_difference"])
        xr.testing.assert_equal(found, expected)
        assert dataset.sizes["factor"] == 2
        assert dataset.output_difference.max() < 1e-5
        if name == "surface":
            assert dataset.attrs["batch_size"] == 4


def test_the_output_difference_is_relative_to_the_largest_output(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a "twin" whose last bias is moved by one."""

    def wrong(model: nn.Module, factor: float, *, layers: str) -> dict[str, Tensor]:
        return {**model.state_dict(), "9.bias": model[9].bias + factor}  # type: ignore[index]

    monkeypatch.setattr(
        sys.modules["lossatlas.landscape.flatness.twins"], "rescaled", wrong
    )  # named as its function
    largest = max(problem.model.eval()(inputs).abs().max().item() for inputs, _ in problem.data.values())
    dataset = twins(problem, survey=partial(line, directions=1, points=2), factors=[0.0, 0.5])
    np.testing.assert_allclose(dataset.output_difference, [0.0, 0.5 / largest], rtol=1e-5)


def test_an_interrupted_survey_goes_on_and_ends_with_the_same_bits(problem: Problem, tmp_path: Path) -> None:
    survey = partial(line, directions=1, points=5, splits=["train"])
    expected = twins(problem, survey=survey, factors=FACTORS)
    heard = []

    def stop_at_eight(done: int, total: int) -> None:
        heard.append((done, total))
        if done == 8:
            raise KeyboardInterrupt

    before = copy.deepcopy(problem.model.state_dict())
    with pytest.raises(KeyboardInterrupt):
        twins(problem, survey=survey, factors=FACTORS, journal=tmp_path / "j", progress=stop_at_eight)
    assert all(torch.equal(tensor, before[name]) for name, tensor in problem.model.state_dict().items())
    assert heard == [(done, 15) for done in (0, 1, 2, 3, 4, 5, 5, 6, 7, 8)]
    again: list[int] = []
    resumed = twins(
        problem,
        survey=survey,
        factors=FACTORS,
        journal=tmp_path / "j",
        progress=lambda done, total: again.append(done),
    )
    assert again == [5, 8, 9, 10, 10, 11, 12, 13, 14, 15]
    assert resumed.identical(expected)


def test_a_loss_that_left_the_range_of_numbers_is_counted_over_all_twins(problem: Problem) -> None:
    survey = partial(line, directions=1, points=3, extent=1e30, normalize="none", splits=["train"])
    dataset = twins(problem, survey=survey, factors=[1.0, 2.0])
    assert dataset.attrs["not_finite"] == int((~np.isfinite(dataset.loss)).sum()) > 0


def test_a_dataset_survives_netcdf_and_says_what_is_in_it(problem: Problem, tmp_path: Path) -> None:
    dataset = twins(problem, survey=partial(line, directions=1, points=3), factors=FACTORS)
    dataset.to_netcdf(tmp_path / "t.nc", engine="h5netcdf")
    assert xr.load_dataset(tmp_path / "t.nc", engine="h5netcdf").identical(dataset)
    described = [variable for name, variable in dataset.variables.items() if name != "split"]
    assert all(variable.attrs["units"] == "1" and variable.attrs["long_name"] for variable in described)
    assert dataset.loss.dims == ("factor", "direction", "split", "alpha")


@pytest.mark.parametrize("factors", [[], [1.0, 1.0]])
def test_factors_are_different_numbers(problem: Problem, factors: list[float]) -> None:
    with pytest.raises(ValueError, match=r"^factors must be different numbers, at least one, got \["):
        twins(problem, survey=line, factors=factors)


def test_a_survey_whose_axes_depend_on_the_weights_is_refused(problem: Problem) -> None:
    def largest_weight(problem: Problem, **_: object) -> xr.Dataset:
        size = problem.model[0].weight.abs().max().item()  # type: ignore[index,union-attr]
        return xr.Dataset({"x": ("bin", [1.0])}, {"bin": [size]}, {"survey": "histogram"})

    with pytest.raises(
        ValueError, match=r"^twins have no histogram in common, since its axes differ between them: "
    ):
        twins(problem, survey=largest_weight, factors=[0.1, 10.0])
