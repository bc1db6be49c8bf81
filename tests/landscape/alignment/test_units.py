"""Units that can change places, against the architectures as they are written down."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from permutable import IMAGES, NETWORKS, Branches, Series
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from lossatlas.landscape.alignment import UnitGroup, permuted, random_orders, unit_groups
from lossatlas.models import MLP, VGG, ResNet
from lossatlas.weight_space import state

Randomized = Callable[[nn.Module], nn.Module]


def placed(group: UnitGroup) -> set[tuple[str, int]]:
    return {(place.tensor, place.axis) for place in group.places}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_with_its_units_in_another_order_computes_the_same(
    name: str, rng: torch.Generator, randomized: Randomized
) -> None:
    """In float64, with each group in a random order, and in reverse, so that every tensor with a hidden axis moves."""
    network = randomized(NETWORKS[name]()).double().eval()
    groups = unit_groups(network)
    x = torch.randn(5, 2, 8, 8, generator=rng, dtype=torch.float64)
    in_reverse = [np.arange(group.size)[::-1] for group in groups]
    for orders in (random_orders(groups, 1), in_reverse):
        shuffled = permuted(state(network), groups, orders)
        torch.testing.assert_close(functional_call(network, shuffled, x), network(x), rtol=1e-9, atol=1e-9)
    for tensor in {place.tensor for group in groups for place in group.places}:
        assert not torch.equal(shuffled[tensor], state(network)[tensor])


def test_the_units_of_a_perceptron_are_those_of_its_hidden_layers() -> None:
    first, second = unit_groups(MLP([8, 6], **IMAGES))
    assert (first.size, second.size) == (8, 6)
    assert placed(first) == {("layers.1.weight", 0), ("layers.1.bias", 0), ("layers.3.weight", 1)}
    assert placed(second) == {("layers.3.weight", 0), ("layers.3.bias", 0), ("layers.5.weight", 1)}


def test_a_channel_that_was_flattened_takes_its_pixels_along() -> None:
    """Two poolings leave 2x2 of 8x8 pixels: channel c lies in the columns 4c to 4c + 3."""
    groups = unit_groups(VGG([1, "M", 2, "M"], [2], width=4, batch_norm=False, **IMAGES))
    (columns,) = [place for place in groups[1].places if place.tensor == "classifier.0.weight"]
    assert columns.axis == 1
    assert np.array_equal(columns.index, np.arange(32).reshape(8, 4))


def test_batch_norm_has_all_it_keeps_permuted() -> None:
    first, _ = unit_groups(MLP([8, 6], batch_norm=True, **IMAGES))
    kept = {("layers.2." + name, 0) for name in ("weight", "bias", "running_mean", "running_var")}
    assert placed(first) == {("layers.1.weight", 0), ("layers.4.weight", 1)} | kept


def test_a_residual_stream_is_one_group_along_a_stage() -> None:
    """Projections begin a new stream; the units inside a block are free."""
    groups = unit_groups(ResNet(14, width=4, shortcut="B", **IMAGES))
    assert sorted(group.size for group in groups) == sorted([4, 8, 16] + 2 * [4, 8, 16])
    stream = next(group for group in groups if ("conv.weight", 0) in placed(group))
    weights = {
        (tensor, axis) for tensor, axis in placed(stream) if "conv" in tensor or "shortcut.0" in tensor
    }
    assert weights == {
        ("conv.weight", 0),
        *((f"blocks.{block}.conv1.weight", 1) for block in (0, 1, 2)),
        *((f"blocks.{block}.conv2.weight", 0) for block in (0, 1)),
        ("blocks.2.shortcut.0.weight", 1),
    }


def test_zero_padded_shortcuts_carry_the_stream_on_into_part_of_the_next() -> None:
    """Option A: the first 4 of 8 channels are those of the stage before, the others are new."""
    groups = unit_groups(ResNet(8, width=4, shortcut="A", **IMAGES))
    streams = [group for group in groups if ("classifier.weight", 1) in placed(group)]
    assert [group.size for group in streams] == [4, 4, 8]
    columns = [
        place.index.reshape(-1).tolist()
        for group in streams
        for place in group.places
        if (place.tensor, place.axis) == ("classifier.weight", 1)
    ]
    assert columns == [[0, 1, 2, 3], [4, 5, 6, 7], list(range(8, 16))]
    assert ("conv.weight", 0) in placed(streams[0])
    assert ("conv.weight", 0) not in placed(streams[1])


def test_without_shortcuts_every_layer_has_units_of_its_own() -> None:
    groups = unit_groups(ResNet(8, width=4, skip=False, **IMAGES))
    assert [group.size for group in groups] == [4, 4, 4, 8, 8, 16, 16]


def test_joined_channels_keep_their_own_groups() -> None:
    """4 and 5 channels at the 9 x 4 columns of what takes them, pooled to 2x2."""
    groups = unit_groups(Branches())
    columns = {
        group.size: place.index.reshape(-1).tolist()
        for group in groups
        for place in group.places
        if (place.tensor, place.axis) == ("inner.weight", 1)
    }
    assert columns == {4: list(range(16)), 5: list(range(16, 36))}
    (stream,) = [group for group in groups if group.size == 6]
    assert {("stream.weight", 0), ("stream.weight", 1), ("head.weight", 1)} <= placed(stream)


def test_a_convolution_of_each_channel_by_itself_has_the_units_of_its_inputs() -> None:
    (units,) = unit_groups(Series())
    assert {("first.weight", 0), ("each.weight", 0), ("each.bias", 0), ("head.weight", 1)} <= placed(units)


def test_inputs_outputs_and_what_is_added_to_them_stay() -> None:
    class Corrected(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.outer = nn.Linear(3, 5), nn.Linear(5, 3)
            self.head = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            h = x + self.outer(torch.relu(self.inner(x)))
            return h + self.head(h)

    (hidden,) = unit_groups(Corrected())
    assert placed(hidden) == {("inner.weight", 0), ("inner.bias", 0), ("outer.weight", 1)}


def test_a_layer_that_is_used_twice_ties_the_units_on_both_sides() -> None:
    class Repeated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.again, self.head = nn.Linear(2, 4), nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            h = torch.relu(self.first(x))
            return self.head(torch.relu(self.again(torch.relu(self.again(h)))))

    (units,) = unit_groups(Repeated())
    assert {("first.weight", 0), ("again.weight", 0), ("again.weight", 1), ("head.weight", 1)} <= placed(
        units
    )


def test_a_shared_weight_ties_the_units_of_the_layers_that_share_it() -> None:
    """Layers 0 and 4 have one weight: so they have the same outputs, and what 4 takes is fixed as the inputs are."""
    network = nn.Sequential(
        nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU()
    )
    network.append(nn.Linear(4, 3))
    network[4].weight = network[0].weight
    (units,) = unit_groups(network)
    assert placed(units) == {
        *(("0.weight", 0), ("0.bias", 0), ("2.weight", 1)),
        *(("4.bias", 0), ("6.weight", 1)),
    }


class _Of(nn.Module):
    """A layer, and an operation on what it gives."""

    def __init__(self, operation: Callable[[Tensor], Tensor], features: int = 4) -> None:
        super().__init__()
        self.layer, self.operation, self.head = nn.Conv2d(2, 4, 1), operation, nn.Linear(features, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.operation(self.layer(x)))


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        (lambda h: functional.softmax(h.mean((2, 3)), 1), "softmax"),
        (lambda h: h.transpose(1, 2).mean((2, 3)), "transpose"),
        (lambda h: h.mean((1, 2)), "mean"),
        (lambda h: h[:, :2].mean((2, 3)), "getitem"),
        (lambda h: functional.pixel_shuffle(h, 2).mean((2, 3)), "pixel_shuffle"),
        (lambda h: h.flatten(2).mean(-1), "flatten"),
        (lambda h: functional.pad(h, (0, 0, 0, 0, 0, 4), value=1.0).mean((2, 3)), "pad"),
        (lambda h: functional.pad(h, (1, 1), mode="reflect").mean((2, 3)), "pad"),
        (lambda h: torch.cat([h, h], 2).mean((2, 3)), "cat"),
        (lambda h: h, r"Linear 'head'"),
    ],
)
def test_an_operation_that_hides_the_units_is_named(
    operation: Callable[[Tensor], Tensor], named: str
) -> None:
    with pytest.raises(
        ValueError, match=rf"^_Of: units cannot be followed through {named}, expected linear layers"
    ):
        unit_groups(_Of(operation))


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ([nn.Conv2d(2, 4, 1), nn.Conv2d(4, 4, 1, groups=2), nn.Flatten()], r"Conv2d '1'"),
        ([nn.Linear(2, 4), nn.LayerNorm(4), nn.Linear(4, 2)], r"LayerNorm '1'"),
        ([nn.Linear(2, 4), nn.PReLU(4), nn.Linear(4, 2)], r"PReLU '1'"),
        ([nn.Conv2d(2, 4, 1), nn.Flatten(0), nn.Linear(4, 2)], r"Flatten '1'"),
    ],
)
def test_a_layer_that_hides_the_units_is_named(layers: list[nn.Module], named: str) -> None:
    with pytest.raises(ValueError, match=rf"^Sequential: units cannot be followed through {named}, expected"):
        unit_groups(nn.Sequential(*layers))


def test_a_network_without_hidden_units_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^Sequential has no units that could change places: expected a hidden layer"
    ):
        unit_groups(nn.Sequential(nn.Linear(3, 2)))


def test_a_network_that_is_no_graph_is_refused() -> None:
    class Deciding(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if x.sum() > 0 else x

    with pytest.raises(
        ValueError, match=r"^Sequential is no fixed graph of operations, so its units are unknown: "
    ):
        unit_groups(nn.Sequential(Deciding(2, 2), nn.Linear(2, 2)))


def test_looking_leaves_the_network_as_it_was() -> None:
    network: Any = NETWORKS["VGG with dropout"]()
    before = state(network)
    unit_groups(network)
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in state(network).items())


@pytest.mark.parametrize("order", [[0, 1, 1, 3, 4, 5], [0, 1, 2], [1, 2, 3, 4, 5, 6]])
def test_an_order_names_each_unit_once(order: list[int]) -> None:
    network = MLP([6], **IMAGES)
    with pytest.raises(
        ValueError, match=r"^an order of the 6 units of 'layers.1.weight' must name each once, 0 to 5"
    ):
        permuted(state(network), unit_groups(network), [np.array(order)])
    with pytest.raises(ValueError, match="1 groups of units need an order each, got 0"):
        permuted(state(network), unit_groups(network), [])
