"""Normalisations that torch has not, or not for images: RMS norm of feature maps, standardised weights."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import ParametrizationList


class RMSNorm(nn.RMSNorm):
    """Divide each example by the root mean square of all its values, and scale each channel.

    Layer norm without the centring (Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4), over the channels and pixels of an
    image together, as ``nn.GroupNorm(1, channels)`` is layer norm. Maps (B, C, ...) to the same shape.

    >>> norm = RMSNorm(3)
    >>> norm(5 * torch.randn(2, 3, 4, 4)).square().mean((1, 2, 3))
    tensor([1.0000, 1.0000], grad_fn=<MeanBackward1>)
    """

    def __init__(self, channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__(channels, eps, affine)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, ...)."""
        normalized = functional.rms_norm(x, x.shape[1:], eps=self.eps)
        if self.weight is None:
            return normalized
        return normalized * self.weight.view(-1, *[1] * (x.ndim - 2))


class ChannelBias(nn.Module):
    """Add a bias to each channel: what is left in place of a normalisation that is taken out.

    >>> ChannelBias(3)(torch.ones(2, 3, 4, 4)).shape
    torch.Size([2, 3, 4, 4])
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, ...) to the same shape."""
        return x + self.bias.view(-1, *[1] * (x.ndim - 2))


class Unnormalized(nn.Module):
    """The input as it is, in memory of its own: an activation may follow that writes into it.

    >>> Unnormalized()(torch.ones(1))
    tensor([1.])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Copy."""
        return x.clone()


class WeightStandardization(nn.Module):
    """Parametrization of a weight, (out, ...), by which each filter has mean 0 and variance 1.

    Qiao et al. 2019 (arXiv:1903.10520, eq. 2): (w - mean) / sqrt(variance + eps^2), of all entries of the filter.

    >>> WeightStandardization()(torch.tensor([[1.0, 3.0]]))
    tensor([[-1.,  1.]])
    """

    def __init__(self, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, weight: Tensor) -> Tensor:
        """Standardise each filter."""
        return functional.layer_norm(weight, weight.shape[1:], eps=self.eps**2)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """The weight that is standardised."""
        return weight


def standardized_weights(model: nn.Module) -> frozenset[str]:
    """Names of the parameters that weight standardisation makes the weights of.

    >>> layer = nn.Linear(2, 3)
    >>> _ = nn.utils.parametrize.register_parametrization(layer, "weight", WeightStandardization())
    >>> standardized_weights(nn.Sequential(layer))
    frozenset({'0.parametrizations.weight.original'})
    """
    return frozenset(
        f"{path}.original" if path else "original"
        for path, chain in model.named_modules()
        if isinstance(chain, ParametrizationList) and isinstance(chain[0], WeightStandardization)
    )
