"""Normalisations put in place of a network's batch norm, or upon its weights."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from torch import Tensor, nn

from lossatlas.models import (
    MLP,
    VGG,
    LeNet,
    PreActResNet,
    ResNet,
    batch_normalization,
    group_normalization,
    instance_normalization,
    kaiming_normal,
    layer_normalization,
    network_deconvolution,
    no_normalization,
    rms_normalization,
    spectral_normalization,
    weight_normalization,
    weight_standardization,
)
from lossatlas.runs.composition.compose import compose_config

IMAGES: dict[str, Any] = {"input_shape": (1, 8, 8), "classes": 10}
KINDS = [
    *("batch", "layer", "group", "instance", "rms", "none", "weight_norm", "weight_standardization"),
    *("spectral_norm", "deconvolution"),
]
NETWORKS = [
    *("densenet_narrow", "mobilenetv2_narrow", "preresnet_narrow", "resnet8_narrow", "squeezenet_narrow"),
    *("vgg9_narrow", "wrn_narrow"),
]


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 6) -> Tensor:
    return torch.randn(count, 1, 8, 8, generator=rng(1))


def vgg(**options: Any) -> VGG:
    torch.manual_seed(0)
    return VGG([1, "M", 2, "M"], [2], width=4, **{**IMAGES, **options})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("choice", NETWORKS)
def test_every_network_that_has_batch_norm_learns_with_every_kind(choice: str, kind: str) -> None:
    """Its place is taken in the network that conf/ composes; every parameter gets a gradient."""
    fitting = 2 if choice in ("densenet_narrow", "mobilenetv2_narrow") else 4
    options = {"group": "groups", "weight_standardization": "layers.groups"}
    changed = [f"normalization.{options[kind]}={fitting}"] if kind in options else []
    config = compose_config([f"model={choice}", f"normalization={kind}", *changed])
    network = instantiate(config.model)
    normalize = instantiate(config.normalization)
    if (choice, kind) == ("vgg9_narrow", "instance"):
        with pytest.raises(ValueError, match=r"instance norm has no place in 'classifier.1', whose units"):
            normalize(network)
        return
    normalize(network)
    kaiming_normal(network, generator=rng(), linear_std=None)
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules()) == (kind == "batch")
    loss = nn.functional.cross_entropy(network(images()), torch.arange(6))
    loss.backward()
    missing = [
        name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()
    ]
    assert missing == []
    assert network.eval()(images()).isfinite().all()


X = 2 * torch.randn(3, 8, 4, 4, generator=rng(2), dtype=torch.float64) + 1


def normalized(x: Tensor, over: tuple[int, ...]) -> Tensor:
    return (x - x.mean(over, keepdim=True)) / (x.var(over, correction=0, keepdim=True) + 1e-5).sqrt()


FORMULAS: dict[str, tuple[Callable[[nn.Module], None], Callable[[Tensor], Tensor]]] = {
    "batch": (batch_normalization, lambda x: normalized(x, (0, 2, 3))),
    "layer": (layer_normalization, lambda x: normalized(x, (1, 2, 3))),
    "group": (
        partial(group_normalization, groups=2),
        lambda x: normalized(x.view(3, 2, 4, 4, 4), (2, 3, 4)).view_as(x),
    ),
    "instance": (instance_normalization, lambda x: normalized(x, (2, 3))),
    "rms": (rms_normalization, lambda x: x / (x.square().mean((1, 2, 3), keepdim=True) + 1e-5).sqrt()),
    "none": (no_normalization, lambda x: x),
    "none at all": (partial(no_normalization, bias=False), lambda x: x),
}


@pytest.mark.parametrize("kind", FORMULAS)
def test_each_kind_is_its_formula_with_a_scale_and_a_shift_of_each_channel(kind: str) -> None:
    replace, formula = FORMULAS[kind]
    network = nn.Sequential(nn.Identity(), nn.BatchNorm2d(8)).double()
    replace(network)
    scale, shift = 1 + torch.rand(8, generator=rng()).double(), torch.rand(8, generator=rng(1)).double()
    parameters = dict(network[1].named_parameters())
    for name, value in {"weight": scale, "bias": shift}.items():
        if name in parameters:
            parameters[name].data.copy_(value)
    expected = formula(X)
    expected = expected * scale.view(-1, 1, 1) if "weight" in parameters else expected
    expected = expected + shift.view(-1, 1, 1) if "bias" in parameters else expected
    torch.testing.assert_close(network(X), expected)
    has = {"rms": {"weight"}, "none": {"bias"}, "none at all": set()}.get(kind, {"weight", "bias"})
    assert parameters.keys() == has


@torch.no_grad()
def test_with_none_a_vgg_is_the_one_that_has_no_batch_norm() -> None:
    taken_out, without = vgg(), vgg(batch_norm=False)
    no_normalization(taken_out)
    pairs = list(zip(taken_out.parameters(), without.parameters(), strict=True))
    for one, other in pairs:
        other.copy_(one.normal_(generator=rng()))
    assert len(pairs) == 8
    torch.testing.assert_close(taken_out(images()), without(images()))


@torch.no_grad()
def test_without_a_bias_nothing_writes_into_a_residual_stream() -> None:
    """ReLU writes into what the norm before it gives, which must not be the stream itself."""
    network = PreActResNet(8, width=4, **IMAGES)
    no_normalization(network, bias=False)
    block = network.blocks[0]
    x = torch.randn(2, 4, 8, 8, generator=rng())
    branch = block.convolutions[1](block.convolutions[0](x.relu()).relu())
    torch.testing.assert_close(block(x.clone()), x + branch)


@pytest.mark.parametrize(
    "normalize",
    [weight_normalization, spectral_normalization, network_deconvolution],
    ids=lambda f: f.__name__,
)
def test_what_acts_on_weights_leaves_a_network_without_batch_norm_its_biases(
    normalize: Callable[..., None],
) -> None:
    network = vgg(batch_norm=False)
    before = {n for n, _ in network.named_parameters() if n.endswith("bias")}
    normalize(network)
    assert {n for n, _ in network.named_parameters() if n.endswith("bias")} == before
    kept = vgg()
    normalize(kept, layers=None)
    assert sum(isinstance(module, nn.BatchNorm2d) for module in kept.modules()) == 2


@torch.no_grad()
def test_weights_under_weight_norm_are_those_that_were_drawn_and_their_lengths_are_free() -> None:
    network, drawn = vgg(batch_norm=False), vgg(batch_norm=False)
    weight_normalization(network)
    for name, layer in drawn.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            torch.testing.assert_close(network.get_submodule(name).weight, layer.weight)
    layer = network.features[0]
    layer.parametrizations.weight.original0.fill_(3.0)
    torch.testing.assert_close(layer.weight.flatten(1).norm(dim=1), torch.full((4,), 3.0))


@torch.no_grad()
def test_weights_under_spectral_norm_have_the_largest_singular_value_one() -> None:
    network = vgg(batch_norm=False)
    spectral_normalization(network, iterations=30)
    network.train()(images())
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
            torch.testing.assert_close(largest, torch.tensor(1.0), rtol=1e-2, atol=0)


@torch.no_grad()
def test_standardised_filters_have_mean_zero_and_variance_one_but_in_the_last_layer() -> None:
    network = vgg()
    weight_standardization(network, layers=partial(group_normalization, groups=2))
    *hidden, last = (m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear)))
    for layer in hidden:
        filters = layer.weight.flatten(1)
        torch.testing.assert_close(filters.mean(1), torch.zeros(len(filters)), atol=1e-5, rtol=0)
        torch.testing.assert_close(filters.var(1, correction=0), torch.ones(len(filters)), atol=1e-4, rtol=0)
    assert list(dict(last.named_parameters())) == ["weight", "bias"]
    assert sum(isinstance(module, nn.GroupNorm) for module in network.modules()) == 3


def test_batch_norm_gets_the_momentum_and_the_eps_that_are_asked_for() -> None:
    network = ResNet(8, width=4, **IMAGES)
    batch_normalization(network, momentum=0.5, eps=1e-3)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.5, 1e-3)}


@pytest.mark.parametrize(
    ("normalize", "network", "message"),
    [
        (batch_normalization, MLP([4], **IMAGES), "MLP has no batch norm, .*: type model.batch_norm=true$"),
        (
            layer_normalization,
            LeNet(**IMAGES),
            "LeNet has no batch norm, in whose place .* could be: expected default, or what acts on",
        ),
        (
            partial(group_normalization, groups=3),
            ResNet(8, width=4, **IMAGES),
            r"groups=3 does not divide the 4 channels of 'bn': expected 1, 2 or 4$",
        ),
        (partial(group_normalization, groups=0), ResNet(8, width=4, **IMAGES), "groups=0 does not divide"),
        (weight_standardization, MLP([], **IMAGES), "MLP has no layer before its last"),
        (weight_normalization, nn.Sequential(nn.ReLU()), "Sequential has neither convolutions nor linear"),
        (network_deconvolution, nn.Sequential(nn.Conv1d(1, 1, 1)), "no place in '0', a Conv1d"),
        (partial(network_deconvolution, block=0), MLP([4], **IMAGES), "block must be at least 1, got 0"),
        (
            partial(network_deconvolution, momentum=0.0),
            MLP([4], **IMAGES),
            "momentum is the share of a batch",
        ),
        (partial(batch_normalization, momentum=2.0), MLP([4], **IMAGES), "momentum is the share of a batch"),
        (partial(spectral_normalization, iterations=0), MLP([4], **IMAGES), "iterations must be at least 1"),
        (partial(rms_normalization, eps=0.0), ResNet(8, **IMAGES), "eps must be positive, got 0.0"),
    ],
)
def test_what_has_no_place_in_a_network_is_refused(
    normalize: Callable[..., None], network: nn.Module, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        normalize(network)


def test_a_layer_that_has_several_places_is_replaced_at_each() -> None:
    norm, linear = nn.BatchNorm1d(4), nn.Linear(4, 4)
    network = nn.Sequential(linear, norm, nn.ReLU(), linear, norm)
    layer_normalization(network)
    assert network[1] is network[4]
    assert isinstance(network[4], nn.GroupNorm)
    network_deconvolution(network)
    assert network[0] is network[3]
    assert type(network[3]).__name__ == "DeconvolvedLinear"


def test_filters_of_one_entry_are_not_standardised_to_nothing() -> None:
    with pytest.raises(ValueError, match="makes 0 of the filters of '0', which have one entry each"):
        weight_standardization(nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 1)))
