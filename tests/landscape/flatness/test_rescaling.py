"""Rescaled networks against themselves, and against the transformations as they are printed."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lossatlas.landscape import rescaled
from lossatlas.landscape.flatness.rescaling import Place, places
from lossatlas.models import MLP, VGG, ResNet

IMAGES: dict[str, Any] = {"input_shape": (2, 8, 8), "classes": 3}
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "MLP": lambda: MLP([8, 6], **IMAGES),
    "MLP with batch norm": lambda: MLP([8, 6], batch_norm=True, **IMAGES),
    "VGG": lambda: VGG([1, "M", 2, "M"], [2], width=4, **IMAGES),
    "VGG with dropout": lambda: VGG([1, "M", 2, "M"], [2], width=4, batch_norm=False, dropout=0.5, **IMAGES),
    "ResNet": lambda: ResNet(8, width=4, **IMAGES),
    "ResNet without skips": lambda: ResNet(8, width=4, skip=False, **IMAGES),
}


Randomized = Callable[[nn.Module], nn.Module]


class Branches(nn.Module):
    """Pooling and convolutions of one layer's outputs, all by functions."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(2, 3, 1)
        self.small = nn.Conv2d(3, 4, 1)
        self.large = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = functional.dropout(functional.relu(self.squeeze(x)), training=self.training)
        pooled = functional.max_pool2d(squeezed, 2)
        both = torch.cat([self.small(pooled), self.large(functional.avg_pool2d(squeezed, 2))], dim=1)
        return self.head(functional.leaky_relu(both).mean((2, 3)).view(x.size(0), -1))


NETWORKS["branches"] = Branches


def moved(network: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    other = copy.deepcopy(network)
    other.load_state_dict(weights, strict=False)
    return other


@pytest.fixture
def x(rng: torch.Generator) -> Tensor:
    return torch.randn(20, 2, 8, 8, generator=rng)


@pytest.mark.parametrize("layers", ["first", "all"])
@pytest.mark.parametrize("factor", [1e-3, 0.1, 3.0, 1e3])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_rescaled_network_computes_the_same(
    name: str, factor: float, layers: str, x: Tensor, randomized: Randomized
) -> None:
    """To 1e-5 of the largest output; eps of batch norm, 1e-5, is ten times the variance 1e-6 that c = 1e-3 gives."""
    network = randomized(NETWORKS[name]()).eval()
    weights = rescaled(network, factor, layers=layers)
    expected, outputs = network(x), moved(network, weights)(x)
    assert (outputs - expected).abs().max() < 1e-5 * expected.abs().max()
    first = places(network)[0].layer
    own = network.get_submodule(first).weight
    torch.testing.assert_close(weights[f"{first}.weight"], factor * own, rtol=1e-6, atol=0)


def test_without_batch_norm_it_is_the_transformation_of_dinh_et_al(randomized: Randomized) -> None:
    """T_c: (W1, b1, W2, b2) -> (c W1, c b1, W2 / c, b2)."""
    network = randomized(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)))
    own = network.state_dict()
    expected = {
        "0.weight": 4 * own["0.weight"],
        "0.bias": 4 * own["0.bias"],
        "2.weight": own["2.weight"] / 4,
        "2.bias": own["2.bias"],
    }
    assert rescaled(network, 4.0).keys() == expected.keys()
    for name, tensor in rescaled(network, 4.0).items():  # a power of two, so to the last bit
        assert torch.equal(tensor, expected[name])


def test_batch_norm_swallows_the_factor(randomized: Randomized) -> None:
    """Its mean times c, its variance v such that v' + eps = c^2 (v + eps), its weight and bias as they were."""
    network = randomized(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, eps=0.1)))
    own, twin = network.state_dict(), rescaled(network, 3.0)
    for name, expected in (
        ("0.weight", 3 * own["0.weight"]),
        ("0.bias", 3 * own["0.bias"]),
        ("1.running_mean", 3 * own["1.running_mean"]),
        ("1.running_var", 9 * (own["1.running_var"] + 0.1) - 0.1),
        ("1.weight", own["1.weight"]),
        ("1.bias", own["1.bias"]),
    ):
        torch.testing.assert_close(twin[name], expected)


def test_where_eps_is_larger_than_the_scaled_variance_the_weight_makes_up_for_it(
    rng: torch.Generator, randomized: Randomized
) -> None:
    network = randomized(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, eps=0.1))).eval()
    twin = rescaled(network, 0.01)
    assert (twin["1.running_var"] == 0).all()
    x = torch.randn(9, 2, generator=rng)
    torch.testing.assert_close(moved(network, twin)(x), network(x))
    plain = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, eps=0.1, affine=False))
    with pytest.raises(
        ValueError, match=r"^factor 0\.01 takes the variances of '1' below its eps of 0\.1, and it has"
    ):
        rescaled(plain, 0.01)
    assert (rescaled(plain, 3.0)["1.running_var"] > 8).all()


def test_the_places_of_a_network_are_the_layers_whose_outputs_end_in_norms_and_layers() -> None:
    assert places(Branches()) == [
        Place("squeeze", (), ("small", "large")),  # what they give is joined, which is not undone
    ]
    found = places(ResNet(8, width=4, **IMAGES))
    convolutions = [place for place in found if len(place.norms) == 1 and not place.layers]
    assert len(found) == len(convolutions) == 7 + 2  # the 6n + 1 of depth 8, and two shortcuts


def test_a_layer_is_none_whose_outputs_or_parameters_serve_anything_else() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            h = self.a(x)
            return self.c(torch.relu(self.b(torch.relu(h)))) + h

    assert places(Sum()) == [Place("b", (), ("c",))]
    tied = Sum()
    tied.c.weight = tied.b.weight
    with pytest.raises(ValueError, match="Sum has no layer whose scale is undone by what follows"):
        places(tied)
    layer = nn.Linear(2, 2)
    assert places(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), layer, layer)) == [Place("0", (), ("1",))]


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Linear(2, 2)),
        nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)),
        nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.Linear(2, 2)),
        nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False)),
    ],
)
def test_a_network_with_no_free_scale_is_refused(network: nn.Module) -> None:
    with pytest.raises(
        ValueError, match=r"^Sequential has no layer whose scale is undone by what follows: expected a"
    ):
        rescaled(network, 2.0)


def test_a_network_that_is_no_graph_is_refused() -> None:
    class Deciding(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if x.sum() > 0 else x

    with pytest.raises(
        ValueError, match=r"^Sequential is no fixed graph of operations, so its scales are unknown: "
    ):
        rescaled(nn.Sequential(Deciding(2, 2), nn.ReLU(), nn.Linear(2, 2)), 2.0)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf"), float("nan")])
def test_a_factor_is_positive_and_finite(factor: float) -> None:
    with pytest.raises(ValueError, match=r"^a factor must be finite and > 0, got "):
        rescaled(MLP([4], **IMAGES), factor)


def test_an_unknown_choice_of_layers_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^unknown layers 'al', expected one of first, all \(did you mean all\?\)$"
    ):
        rescaled(MLP([4], **IMAGES), 2.0, layers="al")


def test_the_network_is_left_as_it_was(randomized: Randomized) -> None:
    network = randomized(NETWORKS["VGG"]())
    before = copy.deepcopy(network.state_dict())
    twin = rescaled(network, 2.0, layers="all")
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(tensor.dtype is torch.float32 for tensor in twin.values())
