"""Dropping in training, in each network that has it: rates, places, and what a network is without."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.ops import StochasticDepth

from lossatlas.landscape.forward.tracing import traced
from lossatlas.models import MLP, VGG, DenseNet, LeNet, PreActResNet, ResNet, WideResNet
from lossatlas.models.dropping import branch_depths

SHAPE = {"input_shape": (1, 8, 8), "classes": 4}
NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "MLP": lambda **rates: MLP([6, 5], **SHAPE, **rates),
    "LeNet": lambda **rates: LeNet(**SHAPE, **rates),
    "VGG": lambda **rates: VGG([1, "M", 2, 2, "M"], [2], width=2, **SHAPE, **rates),
    "ResNet": lambda **rates: ResNet(8, width=2, **SHAPE, **rates),
    "PreActResNet": lambda **rates: PreActResNet(8, width=2, **SHAPE, **rates),
    "WideResNet": lambda **rates: WideResNet(10, 1, width=2, **SHAPE, **rates),
    "DenseNet": lambda **rates: DenseNet([2, 2], 2, **SHAPE, **rates),
}
RATES = [
    *((name, "input_dropout", nn.Dropout) for name in NETWORKS),
    *((name, "spatial_dropout", nn.Dropout2d) for name in NETWORKS if name != "MLP"),
    *((name, "dropout", nn.Dropout) for name in NETWORKS),
    *((name, "stochastic_depth", StochasticDepth) for name in NETWORKS if name.endswith("ResNet")),
]


def network(name: str, **rates: float) -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name](**rates)


def images() -> torch.Tensor:
    return torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("name", "key", "kind"), RATES)
def test_a_rate_puts_its_layers_in_and_names_draws_and_evaluation_stay(
    name: str, key: str, kind: type[nn.Module]
) -> None:
    plain, dropping = network(name), network(name, **{key: 0.4})
    assert sum(isinstance(m, kind) and m.p > 0 for m in dropping.modules()) >= 1
    assert not any(isinstance(m, kind) and m.p > 0 for m in plain.modules())
    if not (name == "VGG" and key == "dropout"):  # whose layers are numbered with it
        assert list(plain.state_dict()) == list(dropping.state_dict())
    dropping.load_state_dict(dict(zip(dropping.state_dict(), plain.state_dict().values(), strict=True)))
    assert torch.equal(plain.eval()(images()), dropping.eval()(images()))
    torch.manual_seed(0)
    one, other = dropping.train()(images()), dropping(images())
    assert not torch.equal(one, other)
    torch.manual_seed(0)
    assert torch.equal(dropping(images()), one)


@pytest.mark.parametrize(("name", "key", "kind"), RATES)
def test_a_landscape_sees_the_graph_without_what_drops(name: str, key: str, kind: type[nn.Module]) -> None:
    dropping = network(name, **{key: 0.4}).eval()
    graph = traced(dropping)
    called = {type(graph.get_submodule(n.target)) for n in graph.graph.nodes if n.op == "call_module"}
    assert kind not in called
    torch.testing.assert_close(graph(images()), dropping(images()))


@pytest.mark.parametrize("name", NETWORKS)
def test_pixels_are_dropped_at_the_rate_that_is_named(name: str) -> None:
    """With all weights of what follows out of the way, a network's own first layer shows what it gets."""
    seen: list[torch.Tensor] = []
    dropping = network(name, input_dropout=0.25).train()
    first = next(m for m in dropping.modules() if isinstance(m, nn.Linear | nn.Conv2d))
    first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].flatten()))
    torch.manual_seed(0)
    dropping(torch.ones(64, 1, 8, 8))
    (got,) = seen
    assert got.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert abs(float((got == 0).double().mean()) - 0.25) < 4 * (0.25 * 0.75 / len(got)) ** 0.5


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "MLP"])
def test_spatial_dropout_drops_maps_whole(name: str) -> None:
    dropping = network(name, spatial_dropout=0.5).train()
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    drop = next(m for m in dropping.modules() if isinstance(m, nn.Dropout2d))
    drop.register_forward_hook(lambda _, inputs, output: found.append((inputs[0], output)))
    torch.manual_seed(0)
    dropping(images().repeat(20, 1, 1, 1))
    before, after = found[0]
    is_kept = torch.isclose(after, 2 * before).flatten(2).all(2)
    is_gone = (after == 0).flatten(2).all(2)
    assert (is_kept | is_gone).all()
    assert 0.3 < is_gone.double().mean() < 0.7


def test_the_branches_of_later_blocks_are_dropped_more_often_and_for_the_whole_batch() -> None:
    dropping = network("ResNet", stochastic_depth=0.6)
    assert [block.depth.p for block in dropping.blocks] == pytest.approx([0.2, 0.4, 0.6])
    last = dropping.blocks[2].depth
    torch.manual_seed(0)
    factors = torch.stack([last(torch.ones(5, 2, 3, 3)).flatten() for _ in range(400)])
    assert (factors == factors[:, :1]).all()
    assert factors.unique().tolist() == pytest.approx([0.0, 1 / 0.4])
    assert abs(float((factors[:, 0] == 0).double().mean()) - 0.6) < 4 * (0.24 / 400) ** 0.5


def test_a_block_whose_branch_is_dropped_is_its_shortcut() -> None:
    block = network("PreActResNet", stochastic_depth=0.999).blocks[0].train()
    x = torch.randn(4, 2, 8, 8)
    torch.manual_seed(0)
    block.depth.p = 1 - 1e-9
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(
    ("name", "rates", "message"),
    [
        ("MLP", {"dropout": 1.0}, r"dropout is a probability and must be in \[0, 1\), got 1.0"),
        ("LeNet", {"input_dropout": -0.1}, r"input_dropout is a probability .* got -0.1"),
        ("VGG", {"spatial_dropout": 2}, r"spatial_dropout is a probability .* got 2"),
        ("ResNet", {"stochastic_depth": 1.5}, r"stochastic_depth is a probability .* got 1.5"),
        ("DenseNet", {"input_dropout": 1.5}, r"input_dropout is a probability .* got 1.5"),
        (
            "PreActResNet",
            {"stochastic_depth": 0.5, "skip": False},
            "^stochastic_depth=0.5 drops residual branches, and with skip=False nothing is left then: expected 0$",
        ),
    ],
)
def test_rates_that_cannot_be_meant_are_refused(name: str, rates: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(name, **rates)


def test_blocks_without_stochastic_depth_have_none() -> None:
    assert [type(layer) for layer in branch_depths(0.0, 2, skip=False)] == [nn.Identity] * 2
