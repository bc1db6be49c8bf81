"""Normalisations of a network, put in place of its batch norm or upon its weights, in place."""

import inspect
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import nn
from torch.nn.utils import parametrizations, parametrize

from lossatlas.deconvolution import DeconvolvedConv2d, DeconvolvedLinear
from lossatlas.layers import BATCH_NORM
from lossatlas.models.init import CONVOLUTIONS
from lossatlas.normalizations import ChannelBias, RMSNorm, Unnormalized, WeightStandardization

Normalization = Callable[[nn.Module], None]
"""Changes a network in place."""


def keep_normalization(network: nn.Module) -> None:
    """Leave ``network`` as it is made.

    >>> network = nn.Sequential(nn.BatchNorm1d(2))
    >>> keep_normalization(network)
    >>> network[0]
    BatchNorm1d(2, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """


def batch_normalization(
    network: nn.Module, *, momentum: float | None = None, eps: float | None = None
) -> None:
    """Batch norm as the network has it, perhaps with another momentum of its statistics and another eps.

    Ioffe & Szegedy 2015 (arXiv:1502.03167, algorithm 1). ValueError where there is none, and for values out of range.

    >>> network = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4))
    >>> batch_normalization(network, momentum=0.01)
    >>> network[1].momentum, network[1].eps
    (0.01, 1e-05)
    """
    if momentum is not None and not 0 < momentum <= 1:
        raise ValueError(f"momentum is the share of a batch, in (0, 1], got {momentum}")
    if eps is not None:
        _check_eps(eps)
    for _, norm in _places(network):
        norm.momentum = norm.momentum if momentum is None else momentum
        norm.eps = norm.eps if eps is None else eps


def layer_normalization(network: nn.Module, *, eps: float = 1e-5) -> None:
    """Layer norm in place of batch norm: each example by the mean and variance of all its values.

    Ba et al. 2016 (arXiv:1607.06450, eq. 3), over channels and pixels together, with a scale and a shift for each
    channel: group norm of one group, as Wu & He 2018 have it. ValueError where there is no batch norm.

    >>> network = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4))
    >>> layer_normalization(network)
    >>> network[1]
    GroupNorm(1, 4, eps=1e-05, affine=True, bias=True)
    """
    _check_eps(eps)
    _replace(network, lambda _, norm: nn.GroupNorm(1, norm.num_features, eps, norm.affine))


def group_normalization(network: nn.Module, *, groups: int, eps: float = 1e-5) -> None:
    """Group norm in place of batch norm: each example by the mean and variance of each group of channels.

    Wu & He 2018 (arXiv:1803.08494, eq. 7); they have 32 groups. ValueError for a number that does not divide the
    channels of every layer, and where there is no batch norm.

    >>> network = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4))
    >>> group_normalization(network, groups=3)
    Traceback (most recent call last):
    ValueError: groups=3 does not divide the 4 channels of '1': expected 1, 2 or 4
    """
    _check_eps(eps)
    places = _places(network)
    common = math.gcd(*(norm.num_features for _, norm in places))
    for path, norm in places:
        if groups < 1 or norm.num_features % groups:
            *divisors, last = (str(d) for d in range(1, common + 1) if common % d == 0)
            expected = f"{', '.join(divisors)} or {last}" if divisors else last
            raise ValueError(
                f"groups={groups} does not divide the {norm.num_features} channels of {path!r}: expected {expected}"
            )
    _replace(network, lambda _, norm: nn.GroupNorm(groups, norm.num_features, eps, norm.affine))


def instance_normalization(network: nn.Module, *, eps: float = 1e-5) -> None:
    """Instance norm in place of batch norm: each channel of each example by its own mean and variance.

    Ulyanov et al. 2016 (arXiv:1607.08022, eq. 7), with a scale and a shift. ValueError where there is no batch norm,
    and where there is one behind a linear layer, whose units have a single value each.

    >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    >>> instance_normalization(network)
    >>> network[1]
    InstanceNorm2d(4, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=False)
    """
    _check_eps(eps)
    for path, norm in _places(network):
        if type(norm) not in _INSTANCE_NORMS:
            raise ValueError(
                f"instance norm has no place in {path!r}, whose units have a single value each: expected batch norm of "
                "images alone, such as that of a residual network"
            )
    _replace(
        network,
        lambda _, norm: _INSTANCE_NORMS[type(norm)](norm.num_features, eps, affine=norm.affine),
    )


_INSTANCE_NORMS: dict[type[nn.Module], Callable[..., nn.Module]] = {
    nn.BatchNorm2d: nn.InstanceNorm2d,
    nn.BatchNorm3d: nn.InstanceNorm3d,
}


def rms_normalization(network: nn.Module, *, eps: float = 1e-5) -> None:
    """RMS norm in place of batch norm: each example by the root mean square of all its values.

    Zhang & Sennrich 2019 (arXiv:1910.07467, eq. 4), with a scale for each channel and no shift. ValueError where there
    is no batch norm.

    >>> network = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4))
    >>> rms_normalization(network)
    >>> type(network[1]).__name__
    'RMSNorm'
    """
    _check_eps(eps)
    _replace(network, lambda _, norm: RMSNorm(norm.num_features, eps, norm.affine))


def no_normalization(network: nn.Module, *, bias: bool = True) -> None:
    """Take batch norm out.

    ``bias``: leave a bias for each channel in its place, since layers before batch norm have none. ValueError where
    there is no batch norm.

    >>> network = nn.Sequential(nn.Linear(2, 4, bias=False), nn.BatchNorm1d(4))
    >>> no_normalization(network)
    >>> [tuple(parameter.shape) for parameter in network.parameters()]
    [(4, 2), (4,)]
    """
    _replace(network, lambda _, norm: ChannelBias(norm.num_features) if bias else Unnormalized())


def weight_normalization(network: nn.Module, *, layers: Normalization | None = no_normalization) -> None:
    """Weight norm of every convolution and linear layer: w = g v / |v|, with a length g of each filter.

    Salimans & Kingma 2016 (arXiv:1602.07868, eq. 2), torch's. ``layers``: what becomes of the network's batch norm,
    where it has any; None: it stays.

    >>> network = nn.Sequential(nn.Linear(2, 4))
    >>> weight_normalization(network)
    >>> [name for name, _ in network.named_parameters()]
    ['0.bias', '0.parametrizations.weight.original0', '0.parametrizations.weight.original1']
    """
    _apply(layers, network)
    for _, layer in _weighted(network):
        parametrizations.weight_norm(layer)


def spectral_normalization(
    network: nn.Module, *, layers: Normalization | None = no_normalization, iterations: int = 1
) -> None:
    """Spectral norm of every convolution and linear layer: its matrix divided by its largest singular value.

    Miyato et al. 2018 (arXiv:1802.05957, eq. 8), torch's, with so many power ``iterations`` at a training step; surveys
    compute the singular value exactly. ``layers`` as in `weight_normalization`.

    >>> network = nn.Sequential(nn.Linear(2, 4))
    >>> spectral_normalization(network)
    >>> [name for name, _ in network.named_parameters()]
    ['0.bias', '0.parametrizations.weight.original']
    """
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
    _apply(layers, network)
    for _, layer in _weighted(network):
        parametrizations.spectral_norm(layer, n_power_iterations=iterations)


def weight_standardization(
    network: nn.Module, *, layers: Normalization | None = None, eps: float = 1e-5
) -> None:
    """Weight standardisation of every layer but the last: each filter has mean 0 and variance 1.

    Qiao et al. 2019 (arXiv:1903.10520, eq. 2). ``layers``: what becomes of the network's batch norm, which they replace
    by group norm; None: it stays. The layer that gives the outputs stays too: with weights of fixed size and no norm
    behind it, it could not scale them. ValueError for a network of a single layer.

    >>> network = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    >>> weight_standardization(network)
    >>> network[0].weight.mean(1).abs().max().item() < 1e-6
    True
    """
    _check_eps(eps)
    _apply(layers, network)
    *hidden, _ = _weighted(network)
    if not hidden:
        raise ValueError(
            f"{type(network).__name__} has no layer before its last whose weights could be standardised"
        )
    for path, layer in hidden:
        if layer.weight[0].numel() < 2:
            raise ValueError(
                f"weight standardisation makes 0 of the filters of {path!r}, which have one entry each"
            )
    for _, layer in hidden:
        parametrize.register_parametrization(layer, "weight", WeightStandardization(eps))


def network_deconvolution(
    network: nn.Module,
    *,
    layers: Normalization | None = no_normalization,
    block: int = 64,
    linear_block: int = 512,
    stride: int = 3,
    iterations: int = 5,
    eps: float = 1e-5,
    momentum: float = 0.1,
) -> None:
    """Whiten the inputs of every convolution and linear layer, channels and pixels of a kernel together.

    Ye et al. 2020 (arXiv:1905.11926), in place of batch norm; see `lossatlas.deconvolution`.

    Parameters
    ----------
    network : nn.Module
        Changed in place.
    layers : callable or None
        What becomes of its batch norm, where it has any; None: it stays.
    block, linear_block : int
        Channels, or inputs of a linear layer, that are whitened together; their greatest common divisor with all, where
        they do not divide these.
    stride : int, default 3
        Pixels from one patch to the next of which the covariance is taken.
    iterations : int, default 5
        Of Newton-Schulz.
    eps : float, default 1e-5
        Added to the diagonal of the covariance.
    momentum : float, default 0.1
        Share of a batch in the running statistics.

    Raises
    ------
    ValueError
        For a value out of its range, and a layer that is neither linear nor a convolution of images, padded by zeros.

    Examples
    --------
    >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    >>> network_deconvolution(network)
    >>> [type(module).__name__ for module in network]
    ['DeconvolvedConv2d', 'ChannelBias', 'ReLU', 'Flatten', 'DeconvolvedLinear']
    """
    counts = {"block": block, "linear_block": linear_block, "stride": stride, "iterations": iterations}
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if not 0 < momentum <= 1:
        raise ValueError(f"momentum is the share of a batch, in (0, 1], got {momentum}")
    _check_eps(eps)
    _apply(layers, network)
    shared: dict[str, Any] = {"iterations": iterations, "eps": eps, "momentum": momentum}
    paths = _paths(network)
    for path, layer in _weighted(network):
        whitened: nn.Module
        if isinstance(layer, nn.Linear):
            whitened = DeconvolvedLinear(layer, block=linear_block, **shared)
        elif isinstance(layer, nn.Conv2d):
            whitened = DeconvolvedConv2d(layer, block=block, stride=stride, **shared)
        else:
            raise ValueError(
                f"deconvolution has no place in {path!r}, a {type(layer).__name__}: expected convolutions of images "
                "and linear layers"
            )
        _put(network, paths[layer], layer, whitened)


def _apply(layers: Normalization | None, network: nn.Module) -> None:
    if layers is not None and any(_batch_norms(network)):
        layers(network)


def _batch_norms(network: nn.Module) -> Iterator[tuple[str, Any]]:
    return (
        (path, module) for path, module in network.named_modules() if isinstance(module, BATCH_NORM) and path
    )


_OF_WEIGHTS = "weight_norm, weight_standardization, spectral_norm or deconvolution"


def _places(network: nn.Module) -> list[tuple[str, Any]]:
    """The batch norm layers of ``network``, by their paths. ValueError if there is none."""
    found = list(_batch_norms(network))
    if not found:
        takes = "batch_norm" in inspect.signature(type(network)).parameters
        hint = (
            "type model.batch_norm=true"
            if takes
            else f"expected default, or what acts on weights, {_OF_WEIGHTS}"
        )
        raise ValueError(
            f"{type(network).__name__} has no batch norm, in whose place another normalisation could be: {hint}"
        )
    return found


def _weighted(network: nn.Module) -> list[tuple[str, Any]]:
    """The convolutions and linear layers of ``network``, by their paths. ValueError if there is none."""
    found = [
        (path, module)
        for path, module in network.named_modules()
        if isinstance(module, (*CONVOLUTIONS, nn.Linear)) and path
    ]
    if not found:
        raise ValueError(f"{type(network).__name__} has neither convolutions nor linear layers to normalise")
    return found


def _replace(network: nn.Module, make: Callable[[str, Any], nn.Module]) -> None:
    paths = _paths(network)
    for path, norm in _places(network):
        _put(network, paths[norm], norm, make(path, norm))


def _paths(network: nn.Module) -> Mapping[nn.Module, list[str]]:
    """All places of each module: looked up once, since a network may have ten thousand layers."""
    found = defaultdict[nn.Module, list[str]](list)
    for path, module in network.named_modules(remove_duplicate=False):
        found[module].append(path)
    return found


def _put(network: nn.Module, paths: Sequence[str], old: nn.Module, new: nn.Module) -> None:
    """Put ``new`` in the place of ``old``, at all its ``paths``, on its device, in its dtype and mode."""
    like = next(old.parameters(), None)
    new = new.to(like).train(old.training) if like is not None else new
    for path in paths:
        parent, _, name = path.rpartition(".")
        setattr(network.get_submodule(parent), name, new)


def _check_eps(eps: float) -> None:
    if not eps > 0:
        raise ValueError(f"eps must be positive, got {eps}")
