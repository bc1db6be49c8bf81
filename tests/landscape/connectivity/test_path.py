import copy

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import (
    Bezier,
    ControlledCurve,
    Curve,
    Engine,
    PolygonalChain,
    Problem,
    interpolation,
    parameters,
    path,
)
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.weight_space import flatten


def measured(problem: Problem, model: nn.Module) -> list[float]:
    with prepared(Problem(model, problem.loss, problem.data)) as ready:
        return ready.measure()


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


@pytest.fixture
def bezier(problem: Problem, other_network: nn.Module, third_network: nn.Module) -> ControlledCurve:
    states = [network.state_dict() for network in (other_network, third_network, problem.model)]
    return ControlledCurve(Bezier(bends=1), states)


def test_a_trained_curve_ends_at_its_networks_to_the_last_bit(
    problem: Problem, bezier: ControlledCurve, other_network: nn.Module
) -> None:
    dataset = path(problem, through=bezier, points=5)
    for t, network in ((0.0, other_network), (1.0, problem.model)):
        at_end = dataset.sel(t=t, split="train")
        assert [float(at_end.loss), float(at_end.error)] == measured(problem, network)[:2]


def test_along_a_trained_curve_the_loss_is_that_of_its_polynomial(
    problem: Problem, bezier: ControlledCurve, other_network: nn.Module, third_network: nn.Module
) -> None:
    dataset = path(problem, through=bezier, points=5)
    middle = copy.deepcopy(problem.model)
    states = [network.state_dict() for network in (other_network, third_network, problem.model)]
    middle.load_state_dict(
        {
            name: 0.25 * states[0][name] + 0.5 * states[1][name] + 0.25 * states[2][name]
            if states[0][name].is_floating_point()
            else states[0][name]
            for name in states[0]
        }
    )
    expected = measured(problem, middle)
    assert float(dataset.loss.sel(t=0.5, split="train")) == pytest.approx(expected[0], rel=1e-5)


def test_the_length_ratio_of_a_chain_is_that_of_its_two_lines(
    problem: Problem, other_network: nn.Module, third_network: nn.Module
) -> None:
    networks = [problem.model, other_network, third_network]
    chain = ControlledCurve(PolygonalChain(bends=1), [network.state_dict() for network in networks])
    a, b, c = (flatten(parameters(network)).double() for network in networks)
    way, straight = float((b - a).norm() + (c - b).norm()), float((c - a).norm())
    for through in (chain, [network.state_dict() for network in networks[1:]]):
        dataset = path(problem, through=through, points=5)
        assert float(dataset.curve_length) == pytest.approx(way, rel=1e-6)
        assert float(dataset.end_distance) == pytest.approx(straight, rel=1e-6)
        assert float(dataset.length_ratio) == pytest.approx(way / straight, rel=1e-6)


def test_the_straight_line_has_the_length_ratio_one(problem: Problem, other_network: nn.Module) -> None:
    assert float(path(problem, through=[other_network.state_dict()], points=3).length_ratio) == 1.0


def test_the_likelihood_is_the_cross_entropy_without_label_smoothing(
    problem: Problem, other_network: nn.Module
) -> None:
    smoothed = Problem(problem.model, nn.CrossEntropyLoss(label_smoothing=0.2), problem.data)
    other = other_network.state_dict()
    plain, dataset = (path(each, through=[other], points=3) for each in (problem, smoothed))
    np.testing.assert_allclose(dataset.nll, plain.loss, rtol=1e-5)
    assert not np.allclose(dataset.loss, dataset.nll)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_network_that_ends_in_softmax_has_its_likelihood_in_half_precision_too(dtype: torch.dtype) -> None:
    """Eight bits do not add up to 1 by more than 0.4 %."""
    torch.manual_seed(0)
    one, two = (nn.Sequential(nn.Linear(4, 30), nn.Softmax(1)).to(dtype) for _ in range(2))
    x, y = torch.randn(40, 4), torch.randint(0, 30, (40,))

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.nll_loss(outputs.log(), targets)

    dataset = path(Problem(one, loss, {"train": (x.to(dtype), y)}), through=[two.state_dict()], points=3)
    np.testing.assert_allclose(dataset.nll, dataset.loss, rtol=1e-3)  # which are not made to add up


def test_regression_has_no_likelihood_but_a_regularized_loss(regression: Problem) -> None:
    other = {name: torch.zeros_like(tensor) for name, tensor in regression.model.state_dict().items()}
    dataset = path(regression, through=[other], points=3, weight_decay=0.5)
    assert "nll" not in dataset
    assert "error_maximum" not in dataset
    squares = sum(float(tensor.square().sum()) for tensor in parameters(regression.model).values())
    added = (dataset.regularized_loss - dataset.loss).sel(split="train")
    np.testing.assert_allclose(added, [0.25 * squares, 0.25 * squares / 4, 0.0], rtol=1e-12, atol=1e-12)


def test_statistics_are_of_each_split_and_of_each_measure(problem: Problem, other_network: nn.Module) -> None:
    dataset = path(problem, through=[other_network.state_dict()], points=9, weight_decay=0.01)
    for name in ("loss", "error", "nll", "regularized_loss"):
        values = dataset[name].transpose("split", "t").values
        np.testing.assert_array_equal(dataset[f"{name}_maximum"], values.max(1))
        np.testing.assert_array_equal(dataset[f"{name}_minimum"], values.min(1))
        np.testing.assert_array_equal(dataset[f"{name}_rise"], values.max(1) - values[:, [0, -1]].max(1))


def test_statistics_of_batch_norm_are_those_of_the_point_and_not_of_the_last_one(
    problem: Problem, bezier: ControlledCurve
) -> None:
    """Points in another order, by themselves: each has the statistics of a pass at its own weights."""
    engine = Engine(evaluation="recompute")
    whole = path(problem, through=bezier, points=5, engine=engine)
    ends = path(problem, through=bezier, points=2, engine=engine)
    np.testing.assert_array_equal(whole.loss.sel(t=[0.0, 1.0]), ends.loss)


def test_augmented_images_are_measured_beside_the_clean_ones(
    problem: Problem, other_network: nn.Module
) -> None:
    inputs, targets = problem.data["train"]
    other = other_network.state_dict()
    dataset = path(
        problem,
        through=[other],
        points=3,
        splits=["test"],
        augmented=(inputs.flip(-1), targets),
        ensemble=True,
    )
    assert dataset.split.values.tolist() == ["test", "augmented"]
    mirrored = Problem(problem.model, problem.loss, {"train": (inputs.flip(-1), targets)})
    np.testing.assert_array_equal(
        dataset.loss.sel(split="augmented"), path(mirrored, through=[other], points=3).loss.sel(split="train")
    )
    assert dataset.pair_error.sel(split="augmented").notnull().all()
