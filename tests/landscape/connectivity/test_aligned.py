"""Lines before and after matching, against the interpolation survey and networks that are known to be the same."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import (
    Engine,
    Problem,
    align,
    aligned,
    interpolation,
    permuted,
    random_orders,
    unit_groups,
)
from lossatlas.landscape.connectivity.path_statistics import barrier
from lossatlas.models import ResNet
from lossatlas.weight_space import norm, parameters, state


def test_before_and_after_are_the_lines_to_the_other_network_and_to_its_matched_twin(
    problem: Problem, other_network: nn.Module
) -> None:
    other = other_network.state_dict()
    dataset = aligned(problem, other=other, points=5, seed=3)
    twin = {**other, **align(problem.model, other, seed=3)}
    assert dataset.loss.dims == dataset.error.dims == ("alignment", "split", "alpha")
    assert dataset.alpha.values.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    for which, end in (("before", other), ("after", twin)):
        line = interpolation(problem, other=end, low=0.0, high=1.0, points=5)
        for variable in ("loss", "error"):
            assert np.array_equal(dataset[variable].sel(alignment=which), line[variable])
        gap = {name: end[name].double() - tensor for name, tensor in parameters(problem.model).items()}
        assert dataset.distance.sel(alignment=which).item() == pytest.approx(norm(gap))
    assert dataset.distance.sel(alignment="after") < dataset.distance.sel(alignment="before")
    assert dataset.objective.sel(alignment="after") > dataset.objective.sel(alignment="before")
    assert dataset.other == "another network"


def test_barriers_are_those_of_the_lines(problem: Problem, other_network: nn.Module) -> None:
    dataset = aligned(problem, other=other_network.state_dict(), points=7)
    for name, variable in (("barrier", "loss"), ("error_barrier", "error")):
        assert dataset[name].dims == ("alignment", "split")
        for which in ("before", "after"):
            values = dataset[variable].sel(alignment=which, split="test").values
            assert dataset[name].sel(alignment=which, split="test").item() == float(barrier(values))


def test_both_ends_of_the_matched_line_compute_what_the_two_networks_compute(
    problem: Problem, other_network: nn.Module
) -> None:
    dataset = aligned(problem, other=other_network.state_dict(), points=3)
    ends = dataset.loss.isel(alpha=[0, -1])
    np.testing.assert_allclose(ends.sel(alignment="after"), ends.sel(alignment="before"), rtol=1e-5)
    assert dataset.output_difference < 1e-5
    assert 0 < dataset.moved <= 1


def test_the_line_to_its_own_shuffled_copy_is_level_after_matching(problem: Problem) -> None:
    dataset = aligned(problem, points=5, seed=1)
    groups = unit_groups(problem.model)
    shuffled = permuted(state(problem.model), groups, random_orders(groups, 1))
    copied = interpolation(
        problem, other={**problem.model.state_dict(), **shuffled}, low=0.0, high=1.0, points=5
    )
    assert np.array_equal(dataset.loss.sel(alignment="before"), copied.loss)
    assert np.ptp(dataset.loss.sel(alignment="before", split="train").values) > 0.01
    assert dataset.distance.sel(alignment="after") == 0
    assert np.ptp(dataset.loss.sel(alignment="after", split="train").values) == 0
    assert dataset.output_difference < 1e-5
    assert dataset.other == "the network's own copy"


def test_another_seed_shuffles_the_copy_otherwise(problem: Problem) -> None:
    one, two = (aligned(problem, points=3, seed=seed) for seed in (0, 1))
    assert one.distance.sel(alignment="before") != two.distance.sel(alignment="before")


def test_statistics_of_batch_norm_can_be_recomputed_along_the_way(
    images: dict[str, tuple[Tensor, Tensor]], randomized: Callable[[nn.Module], nn.Module]
) -> None:
    """The statistics then do not depend on those that were interpolated."""
    network, other = (randomized(ResNet(8, width=4, input_shape=(2, 8, 8), classes=3)) for _ in range(2))
    problem = Problem(network, nn.functional.cross_entropy, images)
    recomputed = Engine(evaluation="recompute")
    first = aligned(problem, other=other.state_dict(), points=3, engine=recomputed)
    torch.manual_seed(0)
    far = copy.deepcopy(other)
    for module in far.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()  # type: ignore[union-attr]
    second = aligned(problem, other=far.state_dict(), points=3, engine=recomputed)
    np.testing.assert_allclose(first.loss, second.loss, rtol=1e-6)
    assert first.evaluation == "recompute"


def test_without_statistics_the_far_end_has_those_of_the_first_network(
    problem: Problem, other_network: nn.Module
) -> None:
    dataset = aligned(problem, other=other_network.state_dict(), points=3, statistics=False)
    line = interpolation(
        problem, other=other_network.state_dict(), low=0.0, high=1.0, points=3, statistics=False
    )
    assert np.array_equal(dataset.loss.sel(alignment="before"), line.loss)
    assert dataset.statistics == "of alpha 0"


def test_an_interrupted_one_ends_with_the_same_bits(
    problem: Problem, other_network: nn.Module, tmp_path: Path
) -> None:
    class EnoughError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        assert total == 10
        if done == 6:
            raise EnoughError

    def survey(progress: Callable[[int, int], None] | None) -> object:
        return aligned(
            problem,
            other=other_network.state_dict(),
            points=5,
            journal=tmp_path / "journal",
            progress=progress,
        )

    with pytest.raises(EnoughError):
        survey(stop)
    visited: list[int] = []
    resumed = survey(lambda done, total: visited.append(done))
    assert visited == [6, 7, 8, 9, 10]
    assert resumed.equals(aligned(problem, other=other_network.state_dict(), points=5))  # type: ignore[attr-defined]


def test_another_architecture_is_refused_by_its_first_difference(problem: Problem) -> None:
    weights = dict(problem.model.state_dict())
    with pytest.raises(
        ValueError, match=r"^the other network has '9\.bias' of shape \(4,\), the network of shape \(3,\)$"
    ):
        aligned(problem, other={**weights, "9.bias": torch.zeros(4)})


def test_the_network_is_left_as_it_was(problem: Problem, other_network: nn.Module) -> None:
    before = copy.deepcopy(problem.model.state_dict())
    aligned(problem, other=other_network.state_dict(), points=3)
    assert problem.model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in problem.model.state_dict().items())
