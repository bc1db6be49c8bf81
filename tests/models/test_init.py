import math

import pytest
import torch
from torch import nn

from lossatlas.models import VGG, gain_of, kaiming_normal, keep_defaults, second_moment, variance_scaling
from lossatlas.models.activations import ACTIVATIONS


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


LAYERS = pytest.mark.parametrize(
    "layer",
    [nn.Conv2d(4, 6, (3, 5)), nn.Linear(40, 30), nn.Conv2d(4, 8, 3, groups=4)],
    ids=["2d", "linear", "groups"],
)


@LAYERS
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("gain", ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"])
@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_by_one_fan_weights_are_torchs_kaiming_with_that_gain(
    layer: nn.Module, mode: str, gain: str, distribution: str
) -> None:
    variance_scaling(layer, generator=rng(), mode=mode, gain=gain, distribution=distribution)
    draw = {"normal": nn.init.kaiming_normal_, "uniform": nn.init.kaiming_uniform_}[distribution]
    expected = torch.empty_like(layer.weight)
    draw(expected, a=0.01, mode=mode, nonlinearity=gain, generator=rng())  # type: ignore[operator]
    torch.testing.assert_close(layer.weight, expected)
    assert not layer.bias.any()


@LAYERS
@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_by_both_fans_weights_are_torchs_xavier(layer: nn.Module, distribution: str) -> None:
    variance_scaling(layer, generator=rng(), mode="fan_avg", gain=1.5, distribution=distribution)
    draw = {"normal": nn.init.xavier_normal_, "uniform": nn.init.xavier_uniform_}[distribution]
    expected = torch.empty_like(layer.weight)
    draw(expected, gain=1.5, generator=rng())  # type: ignore[operator]
    torch.testing.assert_close(layer.weight, expected)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
def test_with_its_gain_an_activation_keeps_the_second_moment(activation: str) -> None:
    """E[(gain f(z))^2] = 1 for z from N(0, 1): 4 million draws are within 0.3 %."""
    functions = {"relu": torch.relu, "gelu": nn.functional.gelu, "silu": nn.functional.silu}
    z = torch.randn(4_000_000, generator=rng())
    assert math.isclose((gain_of(activation) * functions[activation](z)).square().mean(), 1.0, rel_tol=4e-3)


@pytest.mark.parametrize("variance", [1e-4, 0.3, 50.0])
def test_the_second_moment_is_that_of_draws(variance: float) -> None:
    z = variance**0.5 * torch.randn(1_000_000, generator=rng(), dtype=torch.float64)
    for name, function in ACTIVATIONS.items():
        drawn = function()(z.clone()).square()
        error = 5 * drawn.std() / len(z) ** 0.5
        assert abs(second_moment(name, variance) - drawn.mean()) <= error + 1e-9 * variance, name


@pytest.mark.parametrize("variance", [-1.0, math.nan, math.inf])
def test_a_variance_that_is_none_is_refused(variance: float) -> None:
    with pytest.raises(ValueError, match="variance must be >= 0 and finite"):
        second_moment("relu", variance)


def test_a_weight_under_a_parametrization_is_set_through_it() -> None:
    plain, normed = nn.Linear(5, 4), nn.utils.parametrizations.weight_norm(nn.Linear(5, 4))
    for layer in (plain, normed):
        variance_scaling(layer, generator=rng())
    torch.testing.assert_close(normed.weight, plain.weight)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "fan"}, "mode must be one of fan_in, fan_out, fan_avg, got 'fan'"),
        ({"gain": "step"}, "gain must be one of sigmoid, .*, got 'step'"),
        ({"gain": 0.0}, "gain must be positive, or the name of an activation, got 0.0"),
        ({"distribution": "cauchy"}, "distribution must be one of normal, uniform, got 'cauchy'"),
    ],
)
def test_bad_options_of_variance_scaling_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        variance_scaling(nn.Linear(2, 2), generator=rng(), **options)  # type: ignore[arg-type]
