import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import norm, parameters, state, statistics
from lossatlas.weight_space import check_alike, flatten, inner, unflatten, weights_digest


def convolutional(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 3))
    made.train()(torch.randn(5, 2, 8, 8))  # which moves the statistics
    return made.eval()


@pytest.fixture
def network() -> nn.Module:
    return convolutional(0)


@pytest.fixture
def other_network() -> nn.Module:
    return convolutional(1)


def test_norm_is_that_of_all_entries(network: nn.Module) -> None:
    entries = np.concatenate([p.detach().double().numpy().ravel() for p in network.parameters()])
    assert norm(parameters(network)) == pytest.approx(np.linalg.norm(entries), rel=1e-14)


def test_norm_of_many_small_float32_entries_does_not_lose_them() -> None:
    """In float32 the sum of ten million squares of 1e-4 beside a 1 would be off in the fourth digit."""
    weights = {"a": torch.full((10_000_000,), 1e-4), "b": torch.ones(1)}
    assert norm(weights) == pytest.approx(np.sqrt(1 + 1e7 * float(np.float32(1e-4)) ** 2), rel=1e-10)


def test_a_shared_parameter_appears_once() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    assert list(parameters(nn.Sequential(first, second))) == ["0.weight", "0.bias", "1.bias"]


def test_statistics_are_the_saved_floating_point_buffers() -> None:
    module = nn.BatchNorm1d(2)
    module.register_buffer("scratch", torch.zeros(1), persistent=False)
    module.register_buffer("scale", torch.ones(1))
    assert list(statistics(module)) == ["running_mean", "running_var", "scale"]  # no num_batches_tracked


def test_state_is_a_copy(network: nn.Module) -> None:
    before = network[1].running_var.clone()
    for tensor in state(network).values():
        tensor.zero_()
    assert torch.equal(network[1].running_var, before)
    assert network[0].weight.abs().sum() > 0


def test_unflatten_undoes_flatten_whatever_the_memory_layout(network: nn.Module) -> None:
    weights = parameters(network)
    weights["0.weight"] = weights["0.weight"].contiguous(memory_format=torch.channels_last)
    restored = unflatten(flatten(weights), weights)
    assert all(torch.equal(restored[name], tensor) for name, tensor in weights.items())


def test_digest_depends_on_values_names_and_shapes_but_not_on_layout() -> None:
    weights = {"w": torch.arange(16.0).reshape(2, 2, 2, 2)}
    digest = weights_digest(weights)
    assert weights_digest({"w": weights["w"].contiguous(memory_format=torch.channels_last)}) == digest
    changed = [
        {"v": weights["w"]},
        {"w": weights["w"].flatten()},
        {"w": weights["w"].double()},
        {"w": weights["w"] + 1e-6},
    ]
    assert digest not in map(weights_digest, changed)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"a": torch.zeros(2)}, "has no 'b'"),
        ({"a": torch.zeros(2), "b": torch.zeros(4)}, r"'b' of shape \(4,\), the network of shape \(3,\)"),
        (
            {"a": torch.zeros(2), "b": torch.zeros(3), "c": torch.zeros(1)},
            "has 'c', which the network has not",
        ),
    ],
)
def test_the_first_difference_is_named(other: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_alike({"a": torch.zeros(2), "b": torch.zeros(3)}, other, "the other network")


def test_an_inner_product_is_that_of_all_entries_in_float64(
    network: nn.Module, other_network: nn.Module
) -> None:
    first, second = parameters(network), parameters(other_network)
    expected = np.dot(flatten(first).double().numpy(), flatten(second).double().numpy())
    assert inner(first, second) == pytest.approx(expected, rel=1e-12)
