"""Keskar's sharpness where the maximum over the box is known in closed form."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from lossatlas.landscape import (
    Engine,
    Problem,
    convexity,
    eigenvalues,
    jacobian,
    sam_sharpness,
    sharpness,
    spectrum,
    trace,
)
from lossatlas.landscape.flatness.sharpness import random_matrix

CURVATURES = torch.tensor([0.5, 1.0, 4.0, 9.0], dtype=torch.float64)


class Weights(nn.Module):
    """A network whose output, for each input, is its weights themselves."""

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(values, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.w


def _bowl(outputs: Tensor, _: Tensor) -> Tensor:
    """Half of sum h_i w_i**2, whatever the batch."""
    return (0.5 * CURVATURES * outputs**2).sum(1).mean()


def _slope(outputs: Tensor, _: Tensor) -> Tensor:
    """Linear in the weights: 5 + sum h_i w_i."""
    return 5 + (CURVATURES * outputs).sum(1).mean()


def _problem(values: list[float], loss: object) -> Problem:
    data = {"train": (torch.ones(7, 4, dtype=torch.float64), torch.zeros(7, 4, dtype=torch.float64))}
    return Problem(Weights(values), loss, data)  # type: ignore[arg-type]


@pytest.mark.parametrize("epsilon", [1e-3, 5e-4, 0.1])
def test_a_bowl_is_highest_in_the_corner_away_from_its_bottom(epsilon: float) -> None:
    """max f = sum h_i (|x_i| + eps (|x_i| + 1))**2 / 2."""
    x = np.array([0.3, -0.2, 0.1, -0.4])
    h = CURVATURES.numpy()
    f = 0.5 * (h * x**2).sum()
    highest = 0.5 * (h * (abs(x) + epsilon * (abs(x) + 1)) ** 2).sum()
    dataset = sharpness(_problem(x.tolist(), _bowl), epsilons=[epsilon], engine=Engine(batch_size=3))
    assert dataset.loss.item() == pytest.approx(f, rel=1e-14)
    assert dataset.loss_maximum.item() == pytest.approx(highest, rel=1e-12)
    assert dataset.sharpness.item() == pytest.approx(100 * (highest - f) / (1 + f), rel=1e-9)


def test_the_exact_bottom_of_a_bowl_is_not_taken_for_flat() -> None:
    """There the gradient is zero, and a search that started at it would stay; max f = eps**2 sum h_i / 2."""
    dataset = sharpness(_problem([0.0] * 4, _bowl), epsilons=[0.01], iterations=30)
    assert dataset.loss_maximum.item() == pytest.approx(0.5 * 0.01**2 * 14.5, rel=1e-9)


def test_a_slope_in_a_random_subspace_rises_as_far_as_its_box_allows() -> None:
    """max over the box of h'(x + A y) = h'x + eps sum_j |(A'h)_j| (|(A^+ x)_j| + 1), with numpy's pinv."""
    x = np.array([0.3, -0.2, 0.1, -0.4])
    h = CURVATURES.numpy()
    matrix = random_matrix(4, 2, seed=6).numpy()
    f = 5 + h @ x
    rise = 0.1 * (abs(matrix.T @ h) * (abs(np.linalg.pinv(matrix) @ x) + 1)).sum()
    dataset = sharpness(_problem(x.tolist(), _slope), epsilons=[0.1], subspace=2, seed=6)
    assert dataset.sharpness.item() == pytest.approx(100 * rise / (1 + f), rel=1e-9)
    assert dataset.subspace == 2


def test_a_subspace_has_standard_normal_columns() -> None:
    entries = random_matrix(1000, 20, seed=0)
    assert abs(entries.mean()) < 4 / np.sqrt(20_000)
    assert abs(entries.var() - 1) < 4 * np.sqrt(2 / 20_000)
    assert torch.equal(random_matrix(1000, 20, seed=0, dtype=torch.float32), entries.float())


def test_larger_boxes_of_a_network_hold_larger_losses(problem: Problem) -> None:
    dataset = sharpness(problem, epsilons=[1e-2, 1e-3, 1e-4])
    assert (np.diff(dataset.loss_maximum) < 0).all()
    assert (dataset.loss_maximum > dataset.loss).all()
    assert dataset.sharpness.dims == ("epsilon",)
    assert dataset.sharpness.units == "percent"


def test_the_search_beats_random_points_of_the_box(double_problem: Problem, rng: torch.Generator) -> None:
    found = sharpness(double_problem, epsilons=[1e-2]).loss_maximum.item()
    inputs, targets = double_problem.data["train"]
    model = double_problem.model.eval()
    centre = [parameter.detach().clone() for parameter in model.parameters()]
    for _ in range(50):
        for parameter, x in zip(model.parameters(), centre, strict=True):
            corner = torch.randint(2, x.shape, generator=rng) * 2 - 1
            parameter.data = x + 1e-2 * corner * (x.abs() + 1)
        assert double_problem.loss(model(inputs), targets).item() < found


def test_the_split_can_be_chosen(problem: Problem) -> None:
    train, test = (sharpness(problem, split=split, iterations=1) for split in ("train", "test"))
    assert (train.split, test.split) == ("train", "test")
    assert train.loss.item() != test.loss.item()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilons": []}, r"epsilons must be positive numbers, got \[\]"),
        ({"epsilons": [1e-3, 0.0]}, r"epsilons must be positive numbers, got \[0\.001, 0\.0\]"),
        ({"iterations": 0}, "iterations must be >= 1, got 0"),
        ({"subspace": 0}, "subspace must be between 1 and the network's 603 parameters, got 0"),
        ({"subspace": 10**6}, "subspace must be between 1 and the network's 603 parameters, got 1000000"),
        ({"split": "valid"}, "unknown split 'valid', the data has train, test"),
    ],
)
def test_a_value_out_of_its_range_is_refused(
    problem: Problem, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sharpness(problem, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "survey", [sharpness, sam_sharpness, trace, spectrum, jacobian, eigenvalues, convexity]
)
def test_surveys_by_derivatives_compute_in_the_dtype_of_the_weights(
    regression: Problem, survey: Callable[..., xr.Dataset]
) -> None:
    """bfloat16 has two digits, and nothing differentiates through a pass that recomputes statistics."""
    few = {"points": 3} if survey is convexity else {}
    dataset = survey(regression, engine=Engine(precision="bfloat16", per_class=True), **few)
    assert dataset.attrs["precision"] == "float32"
    assert dataset.drop_attrs().identical(survey(regression, **few).drop_attrs())
    with pytest.raises(ValueError, match="needs the engine's evaluation 'eval', got 'recompute'"):
        survey(regression, engine=Engine(evaluation="recompute"))
