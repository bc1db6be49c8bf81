"""The penalty differentiated by autograd against its gradient in closed form: two derivations of one formula."""

import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape.step_timing import WAYS
from lossatlas.optim.distancing import (
    RBF,
    Away,
    Cauchy,
    Distance,
    DistanceForce,
    EachCheckpoint,
    Kernel,
    Laplace,
    Sigma,
    Tanh,
    Toward,
)


def gradients(way: str, force: DistanceForce, checkpoints: int) -> list[Tensor]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2)).double()
    layout = force.distance.layout(network)
    named = dict(network.named_parameters())
    parameters = [named[name] for name in layout.names]
    held = [
        [parameter.detach() + 0.3 * torch.randn_like(parameter) for parameter in parameters]
        for _ in range(checkpoints)
    ]
    centres = force.centres(layout, held, [torch.zeros_like(parameter) for parameter in parameters])
    loss = network(torch.randn(8, 3).double()).square().mean()
    WAYS[way](force, layout, parameters, centres)(loss)
    return [parameter.grad for parameter in network.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("kernel", [RBF(), Laplace(), Cauchy(), Tanh()])
@pytest.mark.parametrize("checkpoints", [0, 1, 3])
@pytest.mark.parametrize("divided", [True, False])
@pytest.mark.parametrize(
    "distance", [Distance(), Distance(biases=False, normalization=False), Distance(relative=True)]
)
def test_both_ways_give_the_same_gradients(
    kernel: Kernel, checkpoints: int, divided: bool, distance: Distance
) -> None:
    force = DistanceForce(
        kernel,
        Sigma(0.8),
        5.0,
        divided=divided,
        distance=distance,
        merging=EachCheckpoint(),
        push=Away(),
    )
    one, other = (gradients(way, force, checkpoints) for way in ("closed_form", "autograd"))
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_attraction_is_the_same_in_both_ways_and_another_than_the_push() -> None:
    def force(push: Away | Toward) -> DistanceForce:
        return DistanceForce(RBF(), Sigma(0.8), 5.0, distance=Distance(), merging=EachCheckpoint(), push=push)

    one, other = (gradients(way, force(Toward()), 2) for way in ("closed_form", "autograd"))
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
    away = gradients("autograd", force(Away()), 2)
    assert all((a - b).norm() > 1e-3 for a, b in zip(away[:1], other[:1], strict=True))
