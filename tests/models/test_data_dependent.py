from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lossatlas.models import (
    VGG,
    ResNet,
    lsuv,
    spectral_normalization,
    standardized_outputs,
    variance_scaling,
    weight_standardization,
)

LAYERS = (nn.Conv2d, nn.Linear)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int) -> Tensor:
    return 3 * torch.rand(count, 1, 8, 8, generator=rng(1))


def outputs_of_layers(network: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}

    def kept(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda module, inputs, outputs: found.__setitem__(name, outputs.detach().clone())

    handles = [m.register_forward_hook(kept(n)) for n, m in network.named_modules() if isinstance(m, LAYERS)]
    network(batch)
    for handle in handles:
        handle.remove()
    return found


def vgg(batch_norm: bool = False) -> VGG:
    layout = [1, "M", 2, 2, "M"]
    return VGG(layout, [4], input_shape=(1, 8, 8), classes=10, width=4, batch_norm=batch_norm, dropout=0.5)


def test_after_lsuv_the_outputs_of_every_layer_have_variance_one() -> None:
    network = vgg()
    lsuv(network, generator=rng(), images=images, examples=100, tolerance=1e-4)
    variances = {
        name: out.var().item() for name, out in outputs_of_layers(network.eval(), images(100)).items()
    }
    assert len(variances) == 5
    assert variances == pytest.approx(dict.fromkeys(variances, 1.0), abs=1e-3)


def test_lsuv_scales_layers_and_does_not_turn_them() -> None:
    scaled, drawn = vgg(), vgg()
    lsuv(scaled, generator=rng(), images=images, weights=variance_scaling)
    variance_scaling(drawn, generator=rng())
    for name, weight in drawn.named_parameters():
        if name.endswith("weight"):
            ratios = scaled.get_parameter(name) / weight
            torch.testing.assert_close(ratios, ratios.flatten()[0].expand_as(ratios))


def test_a_layer_within_the_tolerance_stays() -> None:
    network, drawn = (nn.Sequential(nn.Flatten(), nn.Linear(64, 5)) for _ in range(2))
    lsuv(network, generator=rng(), images=images, tolerance=1e9)
    lsuv(drawn, generator=rng(), images=images, tolerance=1e-6)
    torch.testing.assert_close(network[1].weight.norm(dim=1), torch.ones(5))  # the orthogonal rows as drawn
    assert not torch.allclose(drawn[1].weight, network[1].weight)


def of_all(outputs: Tensor) -> Tensor:
    return outputs.flatten()[None].var(1)


def of_units(outputs: Tensor) -> Tensor:
    return outputs.transpose(0, 1).flatten(1).var(1)


@pytest.mark.parametrize(("initialise", "variances"), [(lsuv, of_all), (standardized_outputs, of_units)])
def test_batch_norm_takes_the_batch_and_keeps_its_statistics_and_its_mode(
    initialise: Callable[..., None], variances: Callable[[Tensor], Tensor]
) -> None:
    network = ResNet(8, input_shape=(1, 8, 8), classes=10, width=4)
    initialise(network, generator=rng(), images=images)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(norm.training and not norm.running_mean.any() for norm in norms)  # type: ignore[union-attr]
    found = torch.cat([variances(out) for out in outputs_of_layers(network.train(), images(256)).values()])
    assert len(found) >= 10
    torch.testing.assert_close(found, torch.ones_like(found), atol=0.15, rtol=0)


def test_standardized_outputs_have_mean_zero_and_variance_one_unit_by_unit() -> None:
    network = vgg()
    standardized_outputs(network, generator=rng(), images=images, examples=100)
    for out in outputs_of_layers(network.eval(), images(100)).values():
        by_unit = out.transpose(0, 1).flatten(1)
        torch.testing.assert_close(by_unit.mean(1), torch.zeros(len(by_unit)), atol=1e-4, rtol=0)
        torch.testing.assert_close(by_unit.var(1), torch.ones(len(by_unit)), atol=1e-3, rtol=0)


def test_with_weight_norm_its_lengths_are_set() -> None:
    network = nn.Sequential(nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(64, 5)))
    standardized_outputs(network, generator=rng(), images=images)
    out = network(images(256))
    torch.testing.assert_close(out.var(0), torch.ones(5), atol=1e-3, rtol=0)
    lengths = network[1].parametrizations.weight.original0
    torch.testing.assert_close(lengths.flatten(), network[1].weight.norm(dim=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"examples": 1}, "examples must be at least 2, got 1"),
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
        ({"tolerance": 0.0}, "tolerance must be positive, got 0.0"),
        (
            {"images": lambda n: torch.zeros(n, 1, 8, 8)},
            "the outputs of '1' have variance 0, which no factor",
        ),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, object], message: str) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
    with pytest.raises(ValueError, match=message):
        lsuv(network, **{"generator": rng(), "images": images, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("initialise", [lsuv, standardized_outputs])
@pytest.mark.parametrize("normalise", [spectral_normalization, weight_standardization])
def test_weights_of_a_fixed_scale_are_told(initialise: Any, normalise: Any) -> None:
    """A factor on what their weights are made of changes nothing."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 4))
    normalise(network)
    x = 3 * torch.randn(256, 8) + 1
    with pytest.raises(ValueError, match="the weights of '0' have a fixed scale"):
        initialise(network, generator=torch.Generator().manual_seed(0), images=lambda n: x[:n])
