"""Initialisation of a network in place, from a random generator of its own."""

import torch
from torch import Generator, nn

from lossatlas.layers import NORMALIZATION_LAYERS

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


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
        elif isinstance(module, (*_CONVOLUTIONS, nn.Linear)):
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
        if isinstance(module, _CONVOLUTIONS):
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


def _check_mode(mode: str) -> None:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be fan_in or fan_out, got {mode!r}")


def _draw(layer: nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear, std: float, generator: Generator) -> None:
    layer.weight.copy_(torch.empty(layer.weight.shape).normal_(0, std, generator=generator))
    _fill(layer.bias, 0)


def _identity(norm: nn.Module) -> None:
    _fill(getattr(norm, "weight", None), 1)
    _fill(getattr(norm, "bias", None), 0)  # RMSNorm has none


def _kaiming_std(weight: torch.Tensor, mode: str) -> float:
    """Return sqrt(2 / fan), with the fan in of a weight (out, in, ...) or its fan out."""
    fan = weight[0].numel() if mode == "fan_in" else weight[:, 0].numel()
    return float((2 / fan) ** 0.5)


def _fill(parameter: torch.Tensor | None, value: float) -> None:
    if parameter is not None:
        parameter.fill_(value)
