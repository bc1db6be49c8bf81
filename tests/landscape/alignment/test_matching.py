"""Weight matching against exhaustive search, and on networks whose units were shuffled."""

from collections.abc import Callable
from itertools import permutations, product

import numpy as np
import pytest
import torch
from permutable import IMAGES, NETWORKS
from torch import nn
from torch.func import functional_call

from lossatlas.landscape.alignment import align, match_weights, permuted, random_orders, unit_groups
from lossatlas.models import MLP
from lossatlas.weight_space import Weights, inner, norm, parameters, state

Randomized = Callable[[nn.Module], nn.Module]
ELSEWHERE = ("MobileNet", "SqueezeNet")  # with random weights the search ends in another local optimum
RECOVERED = [name for name in NETWORKS if name not in ELSEWHERE]
SMALL = {"input_shape": (1, 2, 2), "classes": 3}


def distance(one: Weights, two: Weights) -> float:
    return norm({name: tensor - two[name] for name, tensor in one.items()})


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", RECOVERED)
def test_a_shuffled_copy_is_mapped_back_to_the_last_bit(name: str, seed: int, randomized: Randomized) -> None:
    network = randomized(NETWORKS[name]())
    groups = unit_groups(network)
    shuffled = permuted(state(network), groups, random_orders(groups, 5))
    back = align(network, shuffled, seed=seed)
    assert back.keys() == state(network).keys()
    for name_, tensor in state(network).items():
        assert torch.equal(back[name_], tensor)


def test_one_layer_is_matched_as_well_as_any_order_could(
    rng: torch.Generator, randomized: Randomized
) -> None:
    """All 120 orders of five units."""
    one, two = (randomized(MLP([5], **SMALL)) for _ in range(2))
    groups = unit_groups(one)
    found = match_weights(parameters(one), parameters(two), groups)
    best = max(
        inner(parameters(one), permuted(parameters(two), groups, [np.array(order)]))
        for order in permutations(range(5))
    )
    assert found.objective[-1] == pytest.approx(best, rel=1e-12)
    assert inner(parameters(one), permuted(parameters(two), groups, found.orders)) == pytest.approx(
        best, rel=1e-6
    )


def test_two_layers_end_where_no_single_layer_can_be_improved(randomized: Randomized) -> None:
    """A local optimum of all 24 x 24 orders, below the global one or at it, and above the start."""
    one, two = (randomized(MLP([4, 4], **SMALL)) for _ in range(2))
    groups, target = unit_groups(one), parameters(one)
    found = match_weights(target, parameters(two), groups)
    orders = [np.array(order) for order in permutations(range(4))]

    def objective(first: np.ndarray, second: np.ndarray) -> float:
        return inner(target, permuted(parameters(two), groups, [first, second]))

    reached = objective(*found.orders)
    assert reached >= max(objective(order, found.orders[1]) for order in orders) - 1e-6
    assert reached >= max(objective(found.orders[0], order) for order in orders) - 1e-6
    assert (
        objective(orders[0], orders[0])
        < reached
        <= max(objective(a, b) for a, b in product(orders, orders)) + 1e-6
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_the_objective_never_falls_and_the_distance_falls_with_it(name: str, randomized: Randomized) -> None:
    """|a - b|^2 = |a|^2 + |b|^2 - 2 a.b, and orders change no norm."""
    one, two = (randomized(NETWORKS[name]()) for _ in range(2))
    groups, a, b = unit_groups(one), parameters(one), parameters(two)
    found = match_weights(a, b, groups, seed=3)
    assert (np.diff(found.objective) >= 0).all()
    assert found.objective[0] == pytest.approx(inner(a, b))
    after = distance(a, permuted(b, groups, found.orders))
    assert after < distance(a, b)
    assert after**2 == pytest.approx(norm(a) ** 2 + norm(b) ** 2 - 2 * found.objective[-1], rel=1e-5)


def test_an_aligned_network_computes_what_it_computed(rng: torch.Generator, randomized: Randomized) -> None:
    one, two = (randomized(NETWORKS["ResNet A"]()).eval() for _ in range(2))
    x = torch.randn(5, *IMAGES["input_shape"], generator=rng)
    torch.testing.assert_close(functional_call(two, align(one, two.state_dict()), x), two(x))


def test_the_same_seed_gives_the_same_orders(randomized: Randomized) -> None:
    one, two = (randomized(NETWORKS["VGG"]()) for _ in range(2))
    groups = unit_groups(one)
    first, again = (match_weights(parameters(one), parameters(two), groups, seed=7).orders for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_another_kind_of_network_is_refused_by_the_first_difference() -> None:
    network = MLP([6], **SMALL)
    with pytest.raises(
        ValueError, match=r"^the other network has 'layers.1.weight' of shape \(7, 4\), the network of"
    ):
        align(network, MLP([7], **SMALL).state_dict())
    with pytest.raises(
        ValueError, match=r"^the other network has 'layers.2.weight', which the network has not$"
    ):
        align(MLP([], **SMALL), {**MLP([], **SMALL).state_dict(), "layers.2.weight": torch.zeros(3)})


def test_random_orders_are_those_of_their_seed() -> None:
    groups = unit_groups(MLP([50], **SMALL))
    (first,), (again,), (other,) = (random_orders(groups, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
