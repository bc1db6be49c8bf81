"""Initialisations that keep lengths: orthogonal matrices, delta-orthogonal convolutions, the identity."""

import torch
from torch import Generator, Tensor, nn

from lossatlas.models.init import Layer, draw_layers, gain_of


def orthogonal(model: nn.Module, *, generator: Generator, gain: str | float = "linear") -> None:
    """Draw the weights of convolutions and linear layers as random (semi-)orthogonal matrices times a gain.

    Saxe et al. 2014 (arXiv:1312.6120), by `torch.nn.init.orthogonal_`. The weight of a convolution is one matrix, of a
    row for each output: its rows are orthonormal, and the convolution itself does not keep lengths, as those of
    `delta_orthogonal` do. Biases become 0, and normalisations weight 1 and bias 0. ``generator`` and ``gain`` as in
    `variance_scaling`; ValueError for a gain that is neither a positive number nor the name of an activation.

    >>> layer = nn.Linear(3, 3)
    >>> orthogonal(layer, generator=torch.Generator().manual_seed(0))
    >>> torch.allclose(layer.weight @ layer.weight.T, torch.eye(3), atol=1e-6)
    True
    """
    factor = gain_of(gain)
    draw_layers(model, lambda layer: _orthogonal(torch.empty(layer.weight.shape), factor, generator))


def delta_orthogonal(model: nn.Module, *, generator: Generator, gain: str | float = "linear") -> None:
    """As `orthogonal`; the kernels of convolutions are zero but at their centre, where the matrix is orthogonal.

    Xiao et al. 2018 (arXiv:1806.05393, algorithm 2). A convolution of stride 1 with as many outputs as inputs or more
    then keeps the length of every image, but for what padding cuts off, and so does the whole of a deep plain network.
    With fewer outputs than inputs the rows are orthonormal, which keeps the lengths of what comes back. A convolution
    in groups has a matrix of each group.

    >>> layer = nn.Conv2d(2, 4, 3, padding=1, bias=False)
    >>> delta_orthogonal(layer, generator=torch.Generator().manual_seed(0))
    >>> images = torch.randn(5, 2, 8, 8)
    >>> torch.allclose(layer(images).norm(), images.norm())
    True
    """
    factor = gain_of(gain)

    def centred(layer: Layer) -> Tensor:
        weight = torch.zeros(layer.weight.shape)
        _orthogonal_of_groups(_centre(weight), _groups(layer), factor, generator)
        return weight

    draw_layers(model, centred)


def identity(model: nn.Module, *, generator: Generator, gain: str | float = "linear") -> None:
    """Set each layer to the identity times a gain, as far as it has outputs for its inputs; it draws nothing.

    `torch.nn.init.eye_` for linear layers and `torch.nn.init.dirac_` for convolutions (Zagoruyko & Komodakis 2017,
    arXiv:1706.00388): an output is the input of the same number, and 0 where there is none. Biases become 0, and
    normalisations weight 1 and bias 0.

    >>> layer = nn.Conv2d(2, 2, 3, padding=1)
    >>> identity(layer, generator=torch.Generator())
    >>> images = torch.randn(1, 2, 4, 4)
    >>> torch.equal(layer(images), images)
    True
    """
    factor = gain_of(gain)

    def same(layer: Layer) -> Tensor:
        weight = torch.empty(layer.weight.shape)
        if weight.ndim == 2:
            return factor * nn.init.eye_(weight)
        return factor * nn.init.dirac_(weight, _groups(layer))

    draw_layers(model, same)


def _orthogonal(weight: Tensor, gain: float, generator: Generator) -> Tensor:
    return nn.init.orthogonal_(weight, gain, generator=generator)


def _orthogonal_of_groups(matrix: Tensor, groups: int, gain: float, generator: Generator) -> None:
    """Overwrite ``matrix``, (out, in / groups), by an orthogonal one for the outputs of each group."""
    for rows in matrix.chunk(groups):
        rows.copy_(_orthogonal(torch.empty(rows.shape), gain, generator))


def _centre(weight: Tensor) -> Tensor:
    """View of the middle of all kernels of a weight (out, in, ...), of which sizes that are even have it before."""
    for size in weight.shape[2:]:
        weight = weight[:, :, (size - 1) // 2]
    return weight


def _groups(layer: Layer) -> int:
    return 1 if isinstance(layer, nn.Linear) else layer.groups
