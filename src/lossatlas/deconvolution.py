"""Network deconvolution: layers that whiten their inputs, over channels and the pixels of a kernel together."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def inverse_root(matrices: Tensor, iterations: int) -> Tensor:
    """Inverse square roots of symmetric positive matrices by coupled Newton-Schulz iterations.

    With Y = A / |A|, Z = I and T = (3 I - Z Y) / 2 an iteration is Y <- Y T, Z <- T Z; Z tends to (A / |A|)^(-1/2), the
    faster the larger the eigenvalue: after few iterations directions of little variance are not whitened in full.

    Parameters
    ----------
    matrices : Tensor
        (..., n, n), symmetric and positive definite.
    iterations : int
        Each takes three products of matrices.

    Returns
    -------
    Tensor
        (..., n, n).

    References
    ----------
    Ye et al. 2020, arXiv:1905.11926, section 3.2; Higham 2008, "Functions of Matrices", eq. 6.35.

    Examples
    --------
    >>> inverse_root(torch.diag(torch.tensor([4.0, 1.0])), iterations=15)
    tensor([[0.5000, 0.0000],
            [0.0000, 1.0000]])
    """
    size = torch.linalg.matrix_norm(matrices, keepdim=True)  # (..., 1, 1)
    identity = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    root, inverse = matrices / size, identity.expand_as(matrices)
    for _ in range(iterations):
        factor = 1.5 * identity - 0.5 * inverse @ root
        root, inverse = root @ factor, factor @ inverse
    return inverse / size.sqrt()


class Deconvolution(nn.Module):
    """What the two layers share: statistics of the columns of inputs, in blocks, and the weight that acts.

    The state is ``running_mean``, (columns,), and ``running_covariance``, (blocks, n, n), running averages over batches
    as those of batch norm. In evaluation mode the inverse root is computed from them.
    """

    momentum: float
    eps: float
    iterations: int
    running_mean: Tensor
    running_covariance: Tensor
    num_batches_tracked: Tensor

    def _prepare(
        self, columns: int, blocks: int, groups: int, iterations: int, eps: float, momentum: float
    ) -> None:
        self.groups_of_weight = groups
        self.iterations, self.eps, self.momentum = iterations, eps, momentum
        n = columns // blocks
        self.register_buffer("running_mean", torch.zeros(columns))
        self.register_buffer("running_covariance", torch.eye(n).repeat(blocks, 1, 1))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def _observe(self, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and covariance of ``columns``, (samples, all columns), which become part of the running ones."""
        blocks, n, _ = self.running_covariance.shape
        mean = columns.mean(0)
        centred = (columns - mean).view(-1, blocks, n).transpose(0, 1)  # (blocks, samples, n)
        covariance = centred.transpose(1, 2) @ centred / len(columns)
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_covariance.lerp_(covariance.to(self.running_covariance), self.momentum)
            self.num_batches_tracked += 1
        return mean, covariance

    def _acting(self, mean: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
        """The weight W D and the bias b - W D mean that act on inputs as they are, D the inverse root of each block."""
        layer: Any = self  # which has weight and bias
        blocks, n, _ = covariance.shape
        eye = torch.eye(n, dtype=covariance.dtype, device=covariance.device)
        whitening = inverse_root(covariance + self.eps * eye, self.iterations)
        groups = self.groups_of_weight
        rows = layer.weight.reshape(groups, -1, blocks // groups, n).to(whitening)  # (groups, out, blocks, n)
        acting = torch.einsum("gobn,gbnm->gobm", rows, whitening.view(groups, -1, n, n))
        shift = torch.einsum("gobm,gbm->go", acting, mean.to(whitening).view(groups, -1, n)).flatten()
        bias = -shift if layer.bias is None else layer.bias - shift
        return acting.reshape(layer.weight.shape).to(layer.weight), bias.to(layer.weight)


class DeconvolvedConv2d(nn.Conv2d, Deconvolution):
    """A convolution of whitened inputs: patches x become D (x - mean), with D the inverse root of their covariance.

    Ye et al. 2020 (arXiv:1905.11926, algorithm 1). A block is of so many channels with all pixels of the kernel; where
    ``block`` does not divide the channels it is their greatest common divisor. Patches are sampled ``stride`` pixels
    apart to estimate the covariance, padding among them, as in the authors' code; unlike there, the running average is
    that of the covariance and not of its root, so that statistics of several batches can be averaged.

    ``layer``: whose weight and bias it takes over. ValueError if its padding is not of zeros.

    >>> whitened = DeconvolvedConv2d(nn.Conv2d(4, 2, 3, padding=1), block=2)
    >>> whitened(torch.randn(5, 4, 8, 8)).shape, whitened.running_covariance.shape
    (torch.Size([5, 2, 8, 8]), torch.Size([2, 18, 18]))
    """

    def __init__(
        self,
        layer: nn.Conv2d,
        *,
        block: int = 64,
        stride: int = 3,
        iterations: int = 5,
        eps: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
            raise ValueError(
                f"deconvolution pads by numbers of zeros, got {layer.padding_mode} {layer.padding}"
            )
        super().__init__(
            layer.in_channels,
            layer.out_channels,
            _pair(layer.kernel_size),
            _pair(layer.stride),
            _pair(layer.padding),
            _pair(layer.dilation),
            layer.groups,
            layer.bias is not None,
            device="meta",
        )
        self.weight, self.bias = layer.weight, layer.bias
        self.sampling_stride = stride
        of_group = layer.in_channels // layer.groups
        channels = of_group if block >= of_group else math.gcd(block, of_group)
        columns = layer.in_channels * math.prod(layer.kernel_size)
        self._prepare(columns, layer.in_channels // channels, layer.groups, iterations, eps, momentum)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H', W')."""
        with torch.autocast(x.device.type, enabled=False):
            weight, bias = self._acting(*self._statistics(x.to(torch.promote_types(x.dtype, torch.float32))))
        return functional.conv2d(
            x,
            weight,
            bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not self.training:
            return self.running_mean, self.running_covariance
        padding = _pair(self.padding)
        patches = functional.unfold(x, self.kernel_size, self.dilation, padding, self.sampling_stride)
        return self._observe(patches.transpose(1, 2).flatten(0, 1))


class DeconvolvedLinear(nn.Linear, Deconvolution):
    """A linear layer of whitened inputs, as `DeconvolvedConv2d` of 1x1 pixel. Maps (B, inputs) to (B, outputs).

    >>> whitened = DeconvolvedLinear(nn.Linear(4, 2), iterations=15)
    >>> x = torch.randn(500, 4) @ torch.randn(4, 4)
    >>> torch.allclose(whitened(x).mean(0), whitened.bias, atol=1e-4)
    True
    """

    def __init__(
        self,
        layer: nn.Linear,
        *,
        block: int = 512,
        iterations: int = 5,
        eps: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        self.weight, self.bias = layer.weight, layer.bias
        inputs = layer.in_features if block >= layer.in_features else math.gcd(block, layer.in_features)
        self._prepare(layer.in_features, layer.in_features // inputs, 1, iterations, eps, momentum)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs) to (B, outputs)."""
        with torch.autocast(x.device.type, enabled=False):
            wide = x.to(torch.promote_types(x.dtype, torch.float32)).flatten(0, -2)
            known = self.running_mean, self.running_covariance
            weight, bias = self._acting(*(self._observe(wide) if self.training else known))
        return functional.linear(x, weight, bias)


def _pair(sizes: Any) -> tuple[int, int]:
    """The two of a convolution of images, which torch's stubs take for any number."""
    height, width = sizes
    return height, width
