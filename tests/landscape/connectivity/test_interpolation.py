import copy

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import Problem, interpolation
from lossatlas.landscape.measuring.prepared import prepared


def _measured(problem: Problem, model: nn.Module) -> list[float]:
    with prepared(Problem(model, problem.loss, problem.data)) as ready:
        return ready.measure()


def test_the_ends_are_the_two_networks_to_the_last_bit(problem: Problem, other_network: nn.Module) -> None:
    dataset = interpolation(problem, other=other_network.state_dict(), points=9)
    assert dataset.loss.dims == dataset.error.dims == ("split", "alpha")
    for alpha, network in ((0.0, problem.model), (1.0, other_network)):
        end = dataset.sel(alpha=alpha)
        measured = [
            float(end[metric].sel(split=split)) for split in ("train", "test") for metric in ("loss", "error")
        ]
        assert measured == _measured(problem, network)
    assert dataset.statistics == "interpolated"


def test_without_statistics_the_far_end_has_those_of_the_first_network(
    problem: Problem, other_network: nn.Module
) -> None:
    dataset = interpolation(problem, other=other_network.state_dict(), points=9, statistics=False)
    mixed = copy.deepcopy(problem.model)
    for parameter, other in zip(mixed.parameters(), other_network.parameters(), strict=True):
        parameter.data.copy_(other.data)
    assert float(dataset.loss.sel(split="train", alpha=1.0)) == _measured(problem, mixed)[0]
    assert float(dataset.loss.sel(split="train", alpha=1.0)) != _measured(problem, other_network)[0]
    assert (dataset.statistics, dataset.clamped_variances) == ("of alpha 0", 0)


def test_the_way_back_is_the_mirror_image(problem: Problem, other_network: nn.Module) -> None:
    there = interpolation(problem, other=other_network.state_dict(), points=9)
    back = interpolation(
        Problem(other_network, problem.loss, problem.data), other=problem.model.state_dict(), points=9
    )
    np.testing.assert_allclose(there.loss, back.loss[:, ::-1], rtol=1e-4)


def test_variances_that_fall_below_zero_are_clamped_and_counted(
    problem: Problem, other_network: nn.Module
) -> None:
    """start + alpha (end - start) < 0, counted in numpy over the nine points and the ten variances."""
    dataset = interpolation(problem, other=other_network.state_dict(), low=-2.0, high=2.0, points=9)
    start, end = (
        np.concatenate([network[1].running_var.numpy(), network[5].running_var.numpy()])
        for network in (problem.model, other_network)
    )
    expected = sum(int((start + alpha * (end - start) < 0).sum()) for alpha in np.linspace(-2, 2, 9))
    assert expected > 0
    assert dataset.clamped_variances == expected
    assert np.isfinite(dataset.loss).all()


def test_the_other_network_is_left_alone(problem: Problem, other_network: nn.Module) -> None:
    other = other_network.state_dict()
    before = copy.deepcopy(other)
    interpolation(problem, other=other, points=3)
    assert all(torch.equal(other[name], before[name]) for name in before)


def test_another_kind_of_network_is_refused(problem: Problem) -> None:
    state = dict(problem.model.state_dict())
    with pytest.raises(ValueError, match=r"the other network has no '9\.bias', which the network has"):
        interpolation(problem, other={name: tensor for name, tensor in state.items() if name != "9.bias"})
    with pytest.raises(ValueError, match=r"has '9\.bias' of shape \(4,\), the network of shape \(3,\)"):
        interpolation(problem, other={**state, "9.bias": torch.zeros(4)})
    with pytest.raises(ValueError, match=r"has '10\.bias', which the network has not"):
        interpolation(problem, other={**state, "10.bias": torch.zeros(4)})


def test_an_empty_range_is_refused(problem: Problem) -> None:
    with pytest.raises(ValueError, match=r"the range must be finite and rise, got 1\.0 to 1\.0"):
        interpolation(problem, other=problem.model.state_dict(), low=1.0, high=1.0)


def test_lines_to_several_networks_are_the_line_to_each(problem: Problem) -> None:
    rng = torch.Generator().manual_seed(5)
    others = [
        {
            name: tensor + torch.rand(tensor.shape, generator=rng).to(tensor)
            if tensor.is_floating_point()
            else tensor
            for name, tensor in problem.model.state_dict().items()
        }
        for _ in range(3)
    ]
    together = interpolation(problem, other=dict(enumerate(others)), points=5)
    assert together.loss.dims == ("member", "split", "alpha")
    clamped = 0
    for number, other in enumerate(others):
        alone = interpolation(problem, other=other, points=5)
        np.testing.assert_array_equal(together.loss.sel(member=number), alone.loss)
        np.testing.assert_array_equal(together.error.sel(member=number), alone.error)
        clamped += alone.attrs["clamped_variances"]
    assert together.attrs["clamped_variances"] == clamped
    with pytest.raises(ValueError, match="other: expected the state dict of a network, or several, got none"):
        interpolation(problem, other=[])
