import pytest
import torch
from torch import nn
from torch.optim import SGD

from lossatlas.optim import L2


def problem() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)).double()
    for parameter in network.parameters():
        nn.init.normal_(parameter, generator=rng)
    return network, torch.randn(8, 5, generator=rng).double(), torch.randint(3, (8,), generator=rng)


@pytest.mark.parametrize("momentum", [{}, {"momentum": 0.9, "nesterov": True}], ids=["plain", "nesterov"])
def test_steps_of_sgd_are_those_with_the_optimizers_weight_decay(momentum: dict) -> None:
    weight_decay = 0.05
    theirs, inputs, targets = problem()
    ours, _, _ = problem()
    loss, penalty = nn.CrossEntropyLoss(), L2(weight_decay)
    their_sgd = SGD(theirs.parameters(), lr=0.1, weight_decay=weight_decay, **momentum)
    our_sgd = SGD(ours.parameters(), lr=0.1, **momentum)
    for _ in range(3):
        their_sgd.zero_grad()
        loss(theirs(inputs), targets).backward()
        their_sgd.step()
        our_sgd.zero_grad()
        (loss(ours(inputs), targets) + penalty(dict(ours.named_parameters()))).backward()
        our_sgd.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_the_penalty_is_half_the_weight_decay_times_the_squared_norm() -> None:
    network, _, _ = problem()
    norm = torch.cat([parameter.flatten() for parameter in network.parameters()]).norm()
    value = L2(0.3)(dict(network.named_parameters()))
    torch.testing.assert_close(value, 0.15 * norm**2)
    assert value.shape == ()


def test_a_negative_weight_decay_is_refused() -> None:
    with pytest.raises(ValueError, match=r"weight_decay must be >= 0, got -0.1"):
        L2(-0.1)
