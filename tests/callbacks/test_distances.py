"""Distances and angles, held against numpy on one long vector."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from lossatlas.callbacks.push_from_checkpoints import Alignments, distances
from lossatlas.optim.distancing import Distance


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))


def moved(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [tensor + torch.randn(tensor.shape, generator=generator) for tensor in tensors]


def vector(tensors: list[torch.Tensor]) -> np.ndarray:
    return np.concatenate([tensor.double().numpy().ravel() for tensor in tensors])


def test_distances_are_those_of_the_weights_as_one_vector(network: nn.Module) -> None:
    layout = Distance().layout(network)
    place = [parameter.detach().clone() for parameter in network.parameters()]
    there = moved(place)
    found = distances(layout, there, place, "0")
    squared = float(np.sum((vector(there) - vector(place)) ** 2))
    assert found["squared_distance_0"] == pytest.approx(squared, rel=1e-6)
    relative = squared / float(np.sum(vector(place) ** 2))
    assert found["relative_squared_distance_0"] == pytest.approx(relative, rel=1e-6)
    layers = {name: value for name, value in found.items() if "/" in name}
    assert list(layers) == [f"squared_distance_0/{layer}" for layer in ("0", "1", "3")]
    assert sum(layers.values()) == pytest.approx(squared, rel=1e-6)
    assert layers["squared_distance_0/1"] == pytest.approx(
        float((vector(there[2:4]) - vector(place[2:4])) @ (vector(there[2:4]) - vector(place[2:4]))), rel=1e-6
    )


def test_the_filterwise_distance_is_that_of_each_filter_scaled_to_its_own_norm(network: nn.Module) -> None:
    layout = Distance().layout(network)
    place = [parameter.detach().clone() for parameter in network.parameters()]
    place[0][1] = 0.0  # a filter without a norm to scale by is left out
    there = moved(place)
    filters = [(there[0][f], place[0][f]) for f in (0, 2)] + [(there[4][r], place[4][r]) for r in range(2)]
    each = [float(((one - other) ** 2).sum() / (other**2).sum()) for one, other in filters]
    found = distances(layout, there, place, "initialisation")
    assert found["filterwise_squared_distance_initialisation"] == pytest.approx(np.mean(each), rel=1e-6)


def test_cosines_have_the_signs_that_their_names_say() -> None:
    place, there = [torch.zeros(2)], [torch.tensor([1.0, 0.0])]
    force, gradient = (
        [torch.tensor([-3.0, 0.0])],
        [torch.tensor([-3.0, 4.0])],
    )  # descent goes along +x, and -y
    means = Alignments.means([Alignments(force, gradient, there, [place]).values])
    assert means == pytest.approx(
        {
            "force_norm": 3.0,
            "gradient_norm": 5.0,
            "force_gradient_cosine": 0.6,
            "away_gradient_cosine_0": 0.6,  # of minus the gradient with +x
        }
    )


def test_a_cosine_of_nothing_is_left_out_of_the_mean() -> None:
    gradient, there = [torch.tensor([0.0, -2.0])], [torch.tensor([0.0, 1.0])]
    at_the_checkpoint = Alignments([torch.zeros(2)], gradient, [torch.zeros(2)], [[torch.zeros(2)]])
    later = Alignments([torch.tensor([0.0, -1.0])], gradient, there, [[torch.zeros(2)]])
    means = Alignments.means([at_the_checkpoint.values, later.values])
    assert_close(
        torch.tensor([means["force_norm"], means["force_gradient_cosine"], means["away_gradient_cosine_0"]]),
        torch.tensor([0.5, 1.0, 1.0]),
    )
    assert Alignments.means([]) == {}
