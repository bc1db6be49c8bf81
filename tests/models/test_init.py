import math

import pytest
import torch
from torch import nn

from lossatlas.models import VGG, kaiming_normal, keep_defaults


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("layer", [nn.Conv2d(4, 6, (3, 5)), nn.Conv1d(4, 6, 3)], ids=["2d", "1d"])
def test_convolutions_are_drawn_as_torch_draws_them(layer: nn.Module, mode: str) -> None:
    kaiming_normal(layer, generator=rng(), mode=mode)
    expected = torch.empty_like(layer.weight)
    nn.init.kaiming_normal_(expected, mode=mode, nonlinearity="relu", generator=rng())  # type: ignore[arg-type]
    torch.testing.assert_close(layer.weight, expected)
    assert not layer.bias.any()


@pytest.mark.parametrize(("linear_std", "expected"), [(1e-3, 1e-3), (None, math.sqrt(2 / 400)), (0.5, 0.5)])
def test_linear_weights_have_the_deviation_asked_for(linear_std: float | None, expected: float) -> None:
    layer = nn.Linear(400, 300)
    kaiming_normal(layer, generator=rng(), linear_std=linear_std)
    assert math.isclose(layer.weight.std().item(), expected, rel_tol=0.01)  # 120,000 draws: 0.2 %
    assert not layer.bias.any()


def test_a_fresh_vgg9_has_the_norm_that_li_et_al_plot_at_epoch_0() -> None:
    """Their Fig. 2b and 2e start at about 60, all parameters together; sqrt(2 * 1152 + 1408 + 1) = 60.9."""
    layout = [1, 1, "M", 2, 2, "M", 4, 4, 4, "M"]
    network = VGG(layout, [4], input_shape=[3, 32, 32], classes=10)
    kaiming_normal(network, generator=rng())
    norm = torch.cat([parameter.flatten() for parameter in network.parameters()]).norm()
    assert 59 < norm < 62


def test_normalisations_start_as_the_identity() -> None:
    layers = nn.Sequential(nn.BatchNorm2d(3), nn.GroupNorm(1, 3), nn.BatchNorm1d(3, affine=False))
    for parameter in layers.parameters():
        nn.init.constant_(parameter, 7.0)
    kaiming_normal(layers, generator=rng())
    assert [parameter.tolist() for parameter in layers.parameters()] == [[1.0] * 3, [0.0] * 3] * 2


def test_the_generator_alone_decides() -> None:
    one, two, other = (nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(27, 4)) for _ in range(3))
    torch.manual_seed(1)
    kaiming_normal(one, generator=rng(0))
    torch.manual_seed(2)
    kaiming_normal(two, generator=rng(0))
    kaiming_normal(other, generator=rng(1))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one[0].weight, other[0].weight)


def test_the_default_keeps_every_parameter_and_draws_nothing() -> None:
    network, generator = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)), rng()
    before = [parameter.clone() for parameter in network.parameters()]
    keep_defaults(network, generator=generator)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert torch.equal(generator.get_state(), rng().get_state())


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="mode must be fan_in or fan_out, got 'fan_avg'"):
        kaiming_normal(nn.Linear(2, 2), generator=rng(), mode="fan_avg")
    with pytest.raises(ValueError, match=r"linear_std must be positive, or null for kaiming's, got 0"):
        kaiming_normal(nn.Linear(2, 2), generator=rng(), linear_std=0)
