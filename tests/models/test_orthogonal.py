import pytest
import torch
from torch import nn

from lossatlas.models import delta_orthogonal, identity, orthogonal
from lossatlas.models.init import variance_scaling


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("layer", [nn.Conv2d(4, 6, 3), nn.Linear(40, 30)], ids=["2d", "linear"])
def test_orthogonal_weights_are_torchs(layer: nn.Module) -> None:
    orthogonal(layer, generator=rng(), gain="tanh")
    expected = nn.init.orthogonal_(torch.empty_like(layer.weight), 5 / 3, generator=rng())
    torch.testing.assert_close(layer.weight, expected)
    assert not layer.bias.any()


def circular(channels: int, outputs: int, kernel: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(
        channels, outputs, kernel, padding="same", padding_mode="circular", groups=groups, bias=False
    )


@pytest.mark.parametrize(
    "layer",
    [circular(3, 3, 3), circular(3, 7, 5), circular(3, 5, 2), circular(4, 8, 3, 2), circular(4, 4, 3, 4)],
    ids=["square", "wider", "even", "groups", "depthwise"],
)
@torch.no_grad()
def test_a_delta_orthogonal_convolution_keeps_all_inner_products(layer: nn.Conv2d) -> None:
    """Of two images: it is an isometry of the space of images, which no orthogonal matrix of a kernel is."""
    delta_orthogonal(layer, generator=rng(), gain=2.0)
    one, other = torch.randn(2, 1, layer.in_channels, 6, 6, generator=rng(1))
    inner = (layer(one) * layer(other)).sum()
    torch.testing.assert_close(inner, 4 * (one * other).sum(), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_narrower_it_keeps_the_length_of_what_comes_back() -> None:
    layer = circular(6, 4, 3)
    delta_orthogonal(layer, generator=rng())
    grown = torch.randn(1, 4, 6, 6, generator=rng(1))
    back = nn.functional.conv_transpose2d(
        grown, layer.weight, padding=1
    )  # it is zero where it would be cut off
    torch.testing.assert_close(back.norm(), grown.norm())


def signal(depth: int, initialise: object) -> float:
    """Ratio of the length of what a plain network of tanh gives to that of a small image."""
    layers = [layer for _ in range(depth) for layer in (circular(8, 8, 3), nn.Tanh())]
    network = nn.Sequential(*layers)
    initialise(network, generator=rng())  # type: ignore[operator]
    image = 1e-3 * torch.randn(1, 8, 8, 8, generator=rng(1))
    with torch.no_grad():
        return (network(image).norm() / image.norm()).item()


def test_a_signal_comes_through_hundreds_of_delta_orthogonal_layers() -> None:
    assert 0.99 < signal(300, delta_orthogonal) < 1.01
    assert not 0.1 < signal(300, variance_scaling) < 10


@torch.no_grad()
def test_the_identity_is_torchs_and_leaves_out_what_has_no_input() -> None:
    layer, linear = nn.Conv2d(2, 3, 3, padding=1), nn.Linear(2, 3)
    for each in (layer, linear):
        identity(each, generator=rng(), gain=2.0)
    images = torch.randn(1, 2, 4, 4, generator=rng())
    expected = torch.cat([2 * images, torch.zeros(1, 1, 4, 4)], dim=1)
    torch.testing.assert_close(layer(images), expected)
    assert linear.weight.tolist() == [[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]
