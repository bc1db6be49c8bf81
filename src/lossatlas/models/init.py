"""Initialisation of a network in place, from a random generator of its own: by the fan of each layer.

What stands in other files: orthogonal matrices (`lossatlas.models.orthogonal`), what is fitted to images
(`lossatlas.models.data_dependent`), residual blocks that begin as the identity (`lossatlas.models.residual`).
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.utils import parametrize

from lossatlas.layers import NORMALIZATION_LAYERS
from lossatlas.models.activations import ACTIVATIONS
from lossatlas.models.checks import check_choice

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)

Layer = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear


@torch.no_grad()
def kaiming_normal(
    model: nn.Module, *, generator: Generator, mode: str = "fan_in", linear_std: float | None = 1e-3
) -> None:
    """Draw convolutions from N(0, 2 / fan), set biases to 0, and normalisations to weight 1 and bias 0.

    He et al. 2015 (arXiv:1502.01852, eq. 10 for ``mode`` "fan_in", eq. 14 for "fan_out"). Linear weights are
    drawn from N(0, linear_std**2), as Li et al. 2018 train (arXiv:1712.09913), or with None like
    convolutions: use that for a network without normalisation between several linear layers, which would
    hardly pass a signal: VGG-16 then does not train at all.

    ``generator`` is on the CPU, so that the draws do not depend on the model's device. Modules of other kinds
    stay as they are. ValueError for an unknown mode or a standard deviation that is not positive.

    >>> layer = nn.Conv2d(64, 512, kernel_size=3)
    >>> kaiming_normal(layer, generator=torch.Generator().manual_seed(0))
    >>> layer.bias.norm().item(), round(layer.weight.std().item() * (64 * 9 / 2) ** 0.5, 2)
    (0.0, 1.0)
    """
    _check_mode(mode)
    if linear_std is not None and linear_std <= 0:
        raise ValueError(f"linear_std must be positive, or null for kaiming's, got {linear_std}")
    for module in model.modules():
        if isinstance(module, nn.Linear) and linear_std:
            _draw(module, linear_std, generator)
        elif isinstance(module, (*CONVOLUTIONS, nn.Linear)):
            _draw(module, _kaiming_std(module.weight, mode), generator)
        elif isinstance(module, NORMALIZATION_LAYERS):
            _identity(module)


@torch.no_grad()
def kaiming_convolutions(model: nn.Module, *, generator: Generator, mode: str = "fan_out") -> None:
    """Draw convolutions from N(0, 2 / fan) and set their biases to 0; linear layers stay as they were drawn.

    So the code of Garipov et al. 2018 (arXiv:1802.10026) initialises its VGG and its pre-activation ResNets, with
    ``mode`` "fan_out". Normalisations start as in `kaiming_normal`, which says what the other arguments are.

    >>> network = nn.Sequential(nn.Conv2d(64, 512, kernel_size=3), nn.Linear(4, 4))
    >>> before = network[1].weight.clone()
    >>> kaiming_convolutions(network, generator=torch.Generator().manual_seed(0))
    >>> round(network[0].weight.std().item() * (512 * 9 / 2) ** 0.5, 2), torch.equal(network[1].weight, before)
    (1.0, True)
    """
    _check_mode(mode)
    for module in model.modules():
        if isinstance(module, CONVOLUTIONS):
            _draw(module, _kaiming_std(module.weight, mode), generator)
        elif isinstance(module, NORMALIZATION_LAYERS):
            _identity(module)


def keep_defaults(model: nn.Module, *, generator: Generator) -> None:
    """Leave ``model`` as its modules' constructors drew it.

    >>> layer = nn.Linear(2, 2)
    >>> before = layer.weight.clone()
    >>> keep_defaults(layer, generator=torch.Generator())
    >>> torch.equal(before, layer.weight)
    True
    """


_FANS: dict[str, Callable[[int, int], float]] = {
    "fan_in": lambda fan_in, _: fan_in,
    "fan_out": lambda _, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
}

_DISTRIBUTIONS: dict[str, Callable[[Tensor, float, Generator], Any]] = {
    "normal": lambda tensor, std, rng: nn.init.normal_(tensor, 0.0, std, generator=rng),
    "uniform": lambda tensor, std, rng: nn.init.uniform_(
        tensor, -math.sqrt(3) * std, math.sqrt(3) * std, generator=rng
    ),
}


def variance_scaling(
    model: nn.Module,
    *,
    generator: Generator,
    mode: str = "fan_in",
    gain: str | float = "relu",
    distribution: str = "normal",
) -> None:
    """Draw the weights of convolutions and linear layers with standard deviation gain / sqrt(fan).

    Biases become 0, and normalisations weight 1 and bias 0.

    | name | mode | gain | source |
    |---|---|---|---|
    | LeCun | fan_in | 1 ("linear") | LeCun et al. 1998, "Efficient BackProp", eq. 16 |
    | Xavier | fan_avg | 1 ("linear") | Glorot & Bengio 2010, eq. 16 |
    | Kaiming | fan_in or fan_out | sqrt 2 ("relu") | He et al. 2015, arXiv:1502.01852, eq. 10 and 14 |

    Parameters
    ----------
    model : nn.Module
        The network; modules of other kinds stay as they are.
    generator : torch.Generator
        On the CPU, so that the draws do not depend on the model's device.
    mode : {"fan_in", "fan_out", "fan_avg"}, default "fan_in"
        Which fan: inputs of a unit, units that take an input, or the mean of the two, each times the size of a kernel.
    gain : str or float, default "relu"
        A positive number, or the activation whose `gain_of` it is.
    distribution : {"normal", "uniform"}, default "normal"
        The uniform one is that on [-a, a] with a = sqrt(3) gain / sqrt(fan).

    Raises
    ------
    ValueError
        For an unknown mode, activation or distribution, or a gain that is not positive.

    Examples
    --------
    >>> layer = nn.Linear(400, 300)
    >>> variance_scaling(layer, generator=torch.Generator().manual_seed(0), gain="linear")
    >>> round(layer.weight.std().item() * 400**0.5, 2)
    1.0
    """
    check_choice(_FANS, mode=mode)
    check_choice(_DISTRIBUTIONS, distribution=distribution)
    factor = gain_of(gain)

    def draw(layer: Layer) -> Tensor:
        weight = torch.empty(layer.weight.shape)
        fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(weight)
        _DISTRIBUTIONS[distribution](weight, factor / math.sqrt(_FANS[mode](fan_in, fan_out)), generator)
        return weight

    draw_layers(model, draw)


def gain_of(gain: str | float) -> float:
    """The factor by which the deviation of weights makes up for what an activation takes from its inputs.

    A number is itself. For sigmoid (1), tanh (5/3), ReLU, leaky ReLU, SELU (3/4) and linear it is that of
    `torch.nn.init.calculate_gain`; for GELU and SiLU, for which torch has none, 1 / sqrt(E[f(z)^2]) with z from
    N(0, 1), by which that of ReLU is sqrt(2) too. ValueError for what is neither a positive number nor an activation.

    >>> gain_of(2.0), round(gain_of("relu") ** 2, 6), round(gain_of("gelu"), 3), round(gain_of("silu"), 3)
    (2.0, 2.0, 1.534, 1.677)
    """
    if isinstance(gain, str):
        check_choice(ACTIVATIONS, gain=gain)
        return second_moment(gain) ** -0.5 if gain in ("gelu", "silu") else _gain_of_torch(gain)
    if isinstance(gain, bool) or not gain > 0:
        raise ValueError(f"gain must be positive, or the name of an activation, got {gain}")
    return float(gain)


def _gain_of_torch(activation: str) -> float:
    return float(nn.init.calculate_gain({"relu6": "relu"}.get(activation, activation)))  # type: ignore[arg-type]


def second_moment(activation: str, variance: float = 1.0) -> float:
    """E[f(z)^2] of an activation f, with z from N(0, variance): what it makes of a layer's variance.

    Weights of variance gain^2 / fan in make of it the variance gain^2 E[f(z)^2] of what the next layer gives before its
    activation, in the limit of wide layers (Poole et al. 2016, arXiv:1606.05340, equation 3, without biases). By the
    trapezoidal rule, which for smooth functions is exact to rounding. ValueError for an unknown activation, and for a
    variance that is negative or not finite.

    >>> second_moment("relu", 3.0), round(second_moment("tanh"), 4)
    (1.5, 0.3943)
    """
    check_choice(ACTIVATIONS, activation=activation)
    if not 0 <= variance < math.inf:
        raise ValueError(f"variance must be >= 0 and finite, got {variance}")
    z = torch.linspace(-12, 12, 4801, dtype=torch.float64)
    density = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return float(torch.trapezoid(ACTIVATIONS[activation]()(math.sqrt(variance) * z) ** 2 * density, z))


@torch.no_grad()
def draw_layers(model: nn.Module, draw: Callable[[Layer], Tensor]) -> None:
    """Give every convolution and linear layer the weight that ``draw`` returns for it, and biases 0.

    Normalisations become the identity.
    """
    for module in model.modules():
        if isinstance(module, (*CONVOLUTIONS, nn.Linear)):
            set_weight(module, draw(module))
            fill(module.bias, 0)
        elif isinstance(module, NORMALIZATION_LAYERS):
            _identity(module)


@torch.no_grad()
def set_weight(layer: Layer, weight: Tensor) -> None:
    """Have the weight that acts be ``weight``, be it a parameter or made of others by a parametrization.

    One that fixes the scale, such as spectral norm, keeps what it keeps: the weight is then ``weight`` up to that.
    """
    if parametrize.is_parametrized(layer, "weight"):
        layer.weight = weight.to(layer.weight)
    else:
        layer.weight.copy_(weight)


def fill(parameter: Tensor | None, value: float) -> None:
    """Fill it, if there is one."""
    if parameter is not None:
        parameter.fill_(value)


def _check_mode(mode: str) -> None:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be fan_in or fan_out, got {mode!r}")


def _draw(layer: Layer, std: float, generator: Generator) -> None:
    set_weight(layer, torch.empty(layer.weight.shape).normal_(0, std, generator=generator))
    fill(layer.bias, 0)


def _identity(norm: nn.Module) -> None:
    fill(getattr(norm, "weight", None), 1)
    fill(getattr(norm, "bias", None), 0)  # RMSNorm has none


def _kaiming_std(weight: Tensor, mode: str) -> float:
    """Return sqrt(2 / fan), with the fan in of a weight (out, in, ...) or its fan out."""
    fan = weight[0].numel() if mode == "fan_in" else weight[:, 0].numel()
    return float((2 / fan) ** 0.5)
