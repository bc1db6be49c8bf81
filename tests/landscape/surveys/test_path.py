import copy

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import Curve, Problem, interpolation, parameters, path
from lossatlas.landscape.measuring.bench import opened
from lossatlas.landscape.weight_space import flatten


def measured(problem: Problem, model: nn.Module) -> list[float]:
    with opened(Problem(model, problem.loss, problem.data)) as bench:
        return bench.measure()


@pytest.fixture
def third_network(network: nn.Module) -> nn.Module:
    third = copy.deepcopy(network)
    for tensor in (*third.parameters(), third[1].running_var):
        tensor.data.mul_(0.9)
    return third


def test_the_networks_are_on_the_path_to_the_last_bit(
    problem: Problem, other_network: nn.Module, third_network: nn.Module
) -> None:
    networks = [problem.model, other_network, third_network]
    dataset = path(problem, through=[network.state_dict() for network in networks[1:]], points=4)
    assert dataset.loss.dims == dataset.error.dims == ("split", "t")
    assert dataset.network_t.values.tolist() == [0, 1, 2]
    for t, network in zip(dataset.network_t.values, networks, strict=True):
        at_network = dataset.sel(t=float(t))
        values = [
            float(at_network[metric].sel(split=split))
            for split in ("train", "test")
            for metric in ("loss", "error")
        ]
        assert values == measured(problem, network)


@pytest.mark.parametrize("statistics", [True, False])
def test_a_path_to_one_network_is_the_interpolation(
    problem: Problem, other_network: nn.Module, statistics: bool
) -> None:
    other = other_network.state_dict()
    dataset = path(problem, through=[other], points=5, statistics=statistics)
    expected = interpolation(problem, other=other, low=0.0, high=1.0, points=5, statistics=statistics)
    np.testing.assert_array_equal(dataset.loss, expected.loss)


def test_lengths_are_distances_between_parameters(
    problem: Problem, other_network: nn.Module, third_network: nn.Module
) -> None:
    others = [other_network, third_network]
    dataset = path(problem, through=[other.state_dict() for other in others], points=3)
    a, b, c = (flatten(parameters(network)).double() for network in (problem.model, *others))
    ends = [0.0, float((b - a).norm()), float((b - a).norm() + (c - b).norm())]
    np.testing.assert_allclose(dataset.length.sel(t=[0.0, 1.0, 2.0]), ends, rtol=1e-6)
    assert float(dataset.length.sel(t=0.5)) == pytest.approx(ends[1] / 2)


def test_a_curve_through_linear_regression_is_its_closed_form(regression: Problem) -> None:
    """The mean of the squares of X w(t) + b - y over a circle of weights, in numpy."""
    bias = parameters(regression.model)["bias"]

    def circle(t: float) -> dict[str, torch.Tensor]:
        turn = torch.tensor([[np.cos(2 * np.pi * t)], [np.sin(2 * np.pi * t)]])
        return {"weight": turn * torch.ones(1, 3, dtype=torch.float64), "bias": bias}

    dataset = path(regression, through=Curve(circle), points=9)
    x, y = (tensor.numpy() for tensor in regression.data["train"])
    for t in dataset.t.values:
        residual = x @ circle(t)["weight"].numpy().T + bias.numpy() - y
        assert float(dataset.loss.sel(t=t, split="train")) == pytest.approx((residual**2).mean(), rel=1e-12)
    sides = 8 * 2 * np.sqrt(3) * np.sin(np.pi / 8)  # of the octagon in a circle of radius sqrt 3
    assert float(dataset.length[-1]) == pytest.approx(sides)
    assert dataset.attrs["path"] == "curve"
    assert "network_t" not in dataset


def test_journals_of_paths_with_the_same_ends_are_told_apart(
    problem: Problem, other_network: nn.Module, third_network: nn.Module, tmp_path: object
) -> None:
    other, third = other_network.state_dict(), third_network.state_dict()
    journal = f"{tmp_path}/path.journal"
    first = path(problem, through=[other, third], points=3, journal=journal)
    second = path(problem, through=[third, third], points=3, journal=journal)
    assert float(first.loss.sel(t=1.0, split="train")) == measured(problem, other_network)[0]
    assert float(second.loss.sel(t=1.0, split="train")) == measured(problem, third_network)[0]


def test_a_network_of_another_kind_is_named(problem: Problem) -> None:
    own = problem.model.state_dict()
    with pytest.raises(ValueError, match=r"network 2 of the path has '9\.bias' of shape \(4,\)"):
        path(problem, through=[own, {**own, "9.bias": torch.zeros(4)}])
    with pytest.raises(ValueError, match="a path needs at least two networks, got 1"):
        path(problem, through=[])


def test_a_line_needs_two_points(problem: Problem, other_network: nn.Module) -> None:
    with pytest.raises(ValueError, match="points must be >= 2, got 1"):
        path(problem, through=[other_network.state_dict()], points=1)
