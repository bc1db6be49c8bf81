"""The PyPI package `loss-landscapes`: where it is right we agree with it, and where we do not the fault is shown."""

import copy

import loss_landscapes
import numpy as np
import pytest
import torch
from loss_landscapes.metrics import Loss
from loss_landscapes.model_interface.model_parameters import ModelParameters, rand_u_like
from torch import nn

from lossatlas.landscape import Plane, Problem, evaluate, interpolation, parameters


@pytest.fixture
def metric(problem: Problem) -> Loss:
    problem.model.eval()
    return Loss(problem.loss, *problem.data["train"])


def test_the_way_to_another_network_is_theirs(
    problem: Problem, other_network: nn.Module, metric: Loss
) -> None:
    """Theirs begins one step after the start, and moves parameters alone."""
    theirs = loss_landscapes.linear_interpolation(
        problem.model, other_network.eval(), metric, steps=10, deepcopy_model=True
    )
    ours = interpolation(
        problem, other=other_network.state_dict(), low=0.0, high=1.0, points=11, statistics=False
    )
    np.testing.assert_allclose(ours.loss.sel(split="train")[1:], theirs, rtol=1e-4)


def test_their_planes_are_ours_but_for_every_other_row_which_is_one_step_off(
    problem: Problem, other_network: nn.Module, metric: Loss
) -> None:
    """Rows run along the first direction; the second is at j + 1 steps in even rows, at j steps in odd ones."""
    third = copy.deepcopy(other_network)
    for parameter in third.parameters():
        parameter.data = parameter.data.flip(0)
    steps = 4
    theirs = loss_landscapes.planar_interpolation(
        problem.model, other_network.eval(), third.eval(), metric, steps=steps, deepcopy_model=True
    )
    own = parameters(problem.model)
    along = [{name: w - own[name] for name, w in parameters(end).items()} for end in (other_network, third)]
    grid = Plane(own, *along).grid(2 * steps + 1)  # type: ignore[arg-type]
    ours = evaluate(problem, grid, splits=["train"]).loss.isel(split=0)
    ours = ours.sel(x=slice(0, None), y=slice(0, None)).transpose("x", "y").values  # from the network on
    np.testing.assert_allclose(theirs[0::2], ours[0:steps:2, 1:], rtol=1e-4)
    np.testing.assert_allclose(theirs[1::2], ours[1:steps:2, :-1], rtol=1e-4)
    assert not np.allclose(theirs[1::2], ours[1:steps:2, 1:], rtol=0.1)


def test_their_random_directions_are_far_from_orthogonal() -> None:
    """Uniform on [0, 1]: the cosine of two is near E[x]^2 / E[x^2] = 3/4."""
    torch.manual_seed(0)
    like = ModelParameters([torch.zeros(200, 50)])
    first, second = (rand_u_like(like).parameters[0].flatten() for _ in range(2))
    assert torch.cosine_similarity(first, second, dim=0).item() == pytest.approx(0.75, abs=0.02)
