"""Network deconvolution against an exact inverse square root, and against whitening written out."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lossatlas.deconvolution import DeconvolvedConv2d, DeconvolvedLinear, inverse_root


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=rng(seed), dtype=torch.float64)


def spd(eigenvalues: Tensor) -> Tensor:
    basis = torch.linalg.qr(draw(len(eigenvalues), len(eigenvalues))).Q
    return basis @ torch.diag(eigenvalues) @ basis.T


def exact(matrix: Tensor, function: object) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(function(values)) @ vectors.T  # type: ignore[operator]


def test_the_iterations_tend_to_the_exact_inverse_root() -> None:
    matrix = spd(torch.linspace(0.05, 3, 12, dtype=torch.float64))
    expected = exact(matrix, lambda values: values.rsqrt())
    errors = [(inverse_root(matrix, k) - expected).norm().item() for k in (3, 5, 7, 9, 20)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-10


@pytest.mark.parametrize("iterations", [0, 1, 5])
def test_after_few_iterations_each_eigenvalue_is_where_the_scalar_iteration_has_it(iterations: int) -> None:
    """All are polynomials of the matrix, so that they act on its eigenvalues one by one."""
    values = torch.tensor([1e-6, 1e-3, 0.1, 1.0, 7.0], dtype=torch.float64)

    def scalar(values: Tensor) -> Tensor:
        size = values.norm()
        y, z = values / size, torch.ones_like(values)
        for _ in range(iterations):
            t = (3 - z * y) / 2
            y, z = y * t, z * t
        return z / size.sqrt()

    matrix = spd(values)
    torch.testing.assert_close(inverse_root(matrix, iterations), exact(matrix, scalar), rtol=1e-6, atol=1e-6)


def test_blocks_are_computed_at_once() -> None:
    pair = torch.stack([spd(torch.rand(4, generator=rng(k), dtype=torch.float64) + 0.1) for k in (0, 1)])
    torch.testing.assert_close(inverse_root(pair, 5), torch.stack([inverse_root(each, 5) for each in pair]))


CONVOLUTIONS = {
    "one block": (nn.Conv2d(4, 6, 3, padding=1), 64),
    "two blocks": (nn.Conv2d(4, 6, 3, padding=1, stride=2, bias=False), 2),
    "what divides": (nn.Conv2d(6, 4, 3), 4),
    "groups": (nn.Conv2d(4, 8, 3, padding=1, groups=2), 64),
    "depthwise": (nn.Conv2d(4, 4, (3, 1), groups=4, dilation=2), 64),
    "1x1": (nn.Conv2d(4, 3, 1), 64),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_is_that_of_whitened_patches(name: str) -> None:
    """Each patch is whitened by itself, block by block with the exact root, and then multiplied by the weight."""
    layer, block = CONVOLUTIONS[name]
    layer = layer.double()
    whitened = DeconvolvedConv2d(layer, block=block, stride=1, iterations=40, eps=1e-3).double()
    x = draw(8, layer.in_channels, 7, 7) + 1.0
    patches = functional.unfold(x, layer.kernel_size, layer.dilation, layer.padding, 1)  # (B, columns, L)
    columns = patches.transpose(1, 2).flatten(0, 1)
    n = whitened.running_covariance.shape[-1]
    parts = []
    for part in (columns - columns.mean(0)).split(n, dim=1):
        covariance = part.T @ part / len(part) + 1e-3 * torch.eye(n, dtype=torch.float64)
        parts.append(part @ exact(covariance, lambda values: values.rsqrt()))
    white = torch.cat(parts, 1)
    of_groups = white.chunk(layer.groups, 1)
    rows = layer.weight.flatten(1).chunk(layer.groups)
    out = torch.cat([w @ r.T for w, r in zip(of_groups, rows, strict=True)], 1)
    out = out.view(len(x), -1, layer.out_channels).transpose(1, 2)
    bias = 0.0 if layer.bias is None else layer.bias[:, None]
    full = nn.functional.conv2d(x, layer.weight, None, 1, layer.padding, layer.dilation, layer.groups)
    expected = (out + bias).view_as(full)[:, :, :: layer.stride[0], :: layer.stride[1]]
    torch.testing.assert_close(whitened(x), expected, rtol=1e-6, atol=1e-6)


def test_outputs_of_a_linear_layer_have_the_covariance_of_its_rows() -> None:
    """W D C D W' = W W' where D is C^(-1/2)."""
    layer = nn.Linear(5, 4).double()
    whitened = DeconvolvedLinear(layer, iterations=40, eps=1e-12)
    whitened = whitened.double()
    out = whitened(draw(300, 5) @ draw(5, 5, seed=1) + 3)
    torch.testing.assert_close(out.T.cov(correction=0), layer.weight @ layer.weight.T, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(out.mean(0), layer.bias, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("make", [DeconvolvedConv2d, DeconvolvedLinear])
def test_it_evaluates_with_running_averages_as_batch_norm_does(make: type) -> None:
    convolves = make is DeconvolvedConv2d
    layer = make(nn.Conv2d(2, 3, 3) if convolves else nn.Linear(2, 3), momentum=1.0).double()
    x = draw(6, 2, 8, 8) if convolves else draw(50, 2)
    trained = layer(x)
    torch.testing.assert_close(layer.eval()(x), trained)
    before = layer.running_mean.clone()
    layer.train().momentum = 0.25
    layer(x + 1)
    torch.testing.assert_close(layer.running_mean, before + 0.25)
    assert layer.num_batches_tracked == 2


def test_its_gradients_are_those_of_finite_differences() -> None:
    layer = DeconvolvedConv2d(nn.Conv2d(2, 2, 2), stride=2, eps=0.1).double()
    x = draw(3, 2, 4, 4).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, w: torch.func.functional_call(layer, {"weight": w}, x), (x, layer.weight)
    )


def test_padding_that_is_not_of_zeros_is_refused() -> None:
    with pytest.raises(ValueError, match="deconvolution pads by numbers of zeros, got circular"):
        DeconvolvedConv2d(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"))
