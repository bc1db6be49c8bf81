import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import Engine, Problem, path, triangle


def test_the_sides_of_a_flat_triangle_are_the_straight_lines(
    problem: Problem, other_network: nn.Module
) -> None:
    one, other = problem.model.state_dict(), other_network.state_dict()
    halved = {k: (v / 2 if v.is_floating_point() else v) for k, v in other.items()}
    dataset = triangle(problem, control_points=[one, other, halved], side=5)
    assert dataset.equals(triangle(problem, control_points=[other, halved], side=5))
    line = path(problem, through=[other], points=5)
    side = dataset.isel(point=np.flatnonzero(dataset.w == 0)).sortby("v")
    np.testing.assert_allclose(side.loss, line.loss, rtol=1e-5)
    np.testing.assert_allclose(side.error, line.error)
    corners = [dataset.loss.isel(point=k) for k in (0, 10, 14)]
    np.testing.assert_array_equal(dataset.loss_rise, dataset.loss.max("point") - np.maximum.reduce(corners))


def test_a_bend_bows_the_surface_as_bernstein_says() -> None:
    """Of one weight and the loss w^2: the surface over control points is their Bernstein polynomial."""
    model = nn.Linear(1, 1, bias=False).double()
    data = {"train": (torch.ones(1, 1).double(), torch.zeros(1, 1).double())}
    values = [1.0, -2.0, 0.5, 3.0, 1.5, -1.0]  # in the order of BezierTriangle
    points = {k: {"weight": torch.tensor([[w]], dtype=torch.float64)} for k, w in enumerate(values)}
    dataset = triangle(Problem(model, nn.MSELoss(), data), control_points=points, side=7)
    u, v, w = (dataset[name].values for name in "uvw")
    terms = (u**2, 2 * u * v, 2 * u * w, v**2, 2 * v * w, w**2)
    height = sum(value * term for value, term in zip(values, terms, strict=True))
    np.testing.assert_allclose(dataset.loss[0], height**2, atol=1e-12)


def test_statistics_of_a_pass_are_those_of_each_place(problem: Problem, other_network: nn.Module) -> None:
    states = [problem.model.state_dict(), other_network.state_dict()]
    states.append(
        {k: (0.5 * states[0][k] + 0.5 * v if v.is_floating_point() else v) for k, v in states[1].items()}
    )
    recomputed = Engine(evaluation="recompute")
    dataset = triangle(problem, control_points=states, side=3, engine=recomputed)
    line = path(problem, through=[states[1]], points=3, engine=recomputed)
    np.testing.assert_allclose(dataset.loss.isel(point=5), line.loss.sel(t=0.5), rtol=1e-4)


def test_four_networks_span_no_triangle(problem: Problem) -> None:
    with pytest.raises(ValueError, match=r"has 3, 6, 10, ... control points, got 4"):
        triangle(problem, control_points=[problem.model.state_dict()] * 4)
