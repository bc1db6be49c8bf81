import copy

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import Problem, parameters, plane
from lossatlas.landscape.measuring.bench import opened
from lossatlas.landscape.weight_space import flatten


@pytest.fixture
def third_network(network: nn.Module) -> nn.Module:
    third = copy.deepcopy(network)
    for k, tensor in enumerate((*third.parameters(), third[1].running_var)):
        tensor.data.mul_(0.8 + 0.1 * k)
    return third


@pytest.fixture
def others(other_network: nn.Module, third_network: nn.Module) -> list[dict[str, torch.Tensor]]:
    return [other_network.state_dict(), third_network.state_dict()]


def test_what_is_measured_at_the_networks_is_theirs_to_the_last_bit(
    problem: Problem,
    other_network: nn.Module,
    third_network: nn.Module,
    others: list[dict[str, torch.Tensor]],
) -> None:
    dataset = plane(problem, others=others, points=3)
    for k, network in enumerate((problem.model, other_network, third_network)):
        with opened(Problem(network, problem.loss, problem.data)) as bench:
            expected = bench.measure()
        point = dataset.sel(point=k)
        assert [
            float(point[f"point_{metric}"].sel(split=split))
            for split in ("train", "test")
            for metric in ("loss", "error")
        ] == expected


def test_the_plane_meets_the_networks(problem: Problem, other_network: nn.Module) -> None:
    """A third network that lies between the two: without margin these are corners of the grid."""
    own, other = problem.model.state_dict(), other_network.state_dict()
    between = {name: 0.5 * (own[name] + other[name]) + 0.1 * torch.ones_like(own[name]) for name in own}
    dataset = plane(problem, others=[other, between], points=2, margin=0.0)
    assert 0 < dataset.point_x[2] < dataset.point_x[1]
    for k in (0, 1):
        corner = dataset.loss.isel(y=0, x=k)
        np.testing.assert_allclose(corner, dataset.point_loss.sel(point=k), rtol=1e-4)


def test_coordinates_are_distances_between_parameters(
    problem: Problem,
    other_network: nn.Module,
    third_network: nn.Module,
    others: list[dict[str, torch.Tensor]],
) -> None:
    dataset = plane(problem, others=others, points=2)
    networks = [flatten(parameters(each)).double() for each in (problem.model, other_network, third_network)]
    where = np.stack([dataset.point_x, dataset.point_y], axis=1)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        expected = float((networks[i] - networks[j]).norm())
        assert np.linalg.norm(where[i] - where[j]) == pytest.approx(expected, rel=1e-6)
    assert where[0].tolist() == [0.0, 0.0]
    assert where[1, 1] == 0.0


def test_without_statistics_all_points_have_the_first_networks(
    problem: Problem, others: list[dict[str, torch.Tensor]]
) -> None:
    dataset = plane(problem, others=others, points=2, statistics=False)
    mixed = copy.deepcopy(problem.model)
    for name, parameter in mixed.named_parameters():
        parameter.data.copy_(others[0][name])
    with opened(Problem(mixed, problem.loss, problem.data)) as bench:
        assert float(dataset.point_loss.sel(point=1, split="train")) == bench.measure()[0]
    assert dataset.statistics == "of the first network"


def test_linear_regression_on_a_plane_is_its_closed_form(regression: Problem, rng: torch.Generator) -> None:
    others = [
        {
            name: torch.randn(w.shape, generator=rng, dtype=w.dtype)
            for name, w in parameters(regression.model).items()
        }
        for _ in range(2)
    ]
    dataset = plane(regression, others=others, points=4)
    a, b, c = (
        np.concatenate([w["weight"].numpy(), w["bias"].numpy()[:, None]], 1)
        for w in (parameters(regression.model), *others)
    )
    u = (b - a) / np.linalg.norm(b - a)
    v = (c - a) - ((c - a) * u).sum() * u
    v /= np.linalg.norm(v)
    x, y = (tensor.numpy() for tensor in regression.data["train"])
    for q in dataset.y.values:
        for p in dataset.x.values:
            w = a + p * u + q * v
            loss = ((x @ w[:, :3].T + w[:, 3] - y) ** 2).mean()
            assert float(dataset.loss.sel(x=p, y=q, split="train")) == pytest.approx(loss, rel=1e-10)


def test_an_interrupted_plane_goes_on_with_the_same_bits(
    problem: Problem, others: list[dict[str, torch.Tensor]], tmp_path: object
) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def stop(done: int, total: int) -> None:
        if done == 7:
            raise Enough

    journal = f"{tmp_path}/plane.journal"
    with pytest.raises(Enough):
        plane(problem, others=others, points=3, journal=journal, progress=stop)
    heard: list[int] = []
    resumed = plane(
        problem, others=others, points=3, journal=journal, progress=lambda done, total: heard.append(done)
    )
    assert heard == [7, 8, 9, 10, 11, 12]
    assert resumed.identical(plane(problem, others=others, points=3))


def test_a_plane_needs_two_others_that_are_not_on_a_line(
    problem: Problem, others: list[dict[str, torch.Tensor]]
) -> None:
    with pytest.raises(ValueError, match="a plane goes through the network and two others, got 1 others"):
        plane(problem, others=others[:1])
    with pytest.raises(ValueError, match="the three networks lie on one line"):
        plane(problem, others=[others[0], others[0]])
    with pytest.raises(ValueError, match=r"the third network has no '9\.bias', which the network has"):
        plane(problem, others=[others[0], {k: v for k, v in others[1].items() if k != "9.bias"}])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_what_the_cpu_gives(problem: Problem, others: list[dict[str, torch.Tensor]]) -> None:
    expected = plane(problem, others=others, points=3)
    data = {split: (inputs.cuda(), targets.cuda()) for split, (inputs, targets) in problem.data.items()}
    dataset = plane(Problem(copy.deepcopy(problem.model).cuda(), problem.loss, data), others=others, points=3)
    for name in ("loss", "point_loss", "point_x", "point_y"):
        np.testing.assert_allclose(dataset[name], expected[name], rtol=1e-4, atol=1e-6)
