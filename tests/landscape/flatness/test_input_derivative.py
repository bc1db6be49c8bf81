"""Singular values of derivatives by the inputs, against products of matrices, differences and torch.func."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape.flatness.jacobian import derivative_shape, singular_values


def linear_chain(*widths: int, rng: torch.Generator) -> nn.Sequential:
    layers = [nn.Linear(i, o, bias=False).double() for i, o in pairwise(widths)]
    for layer in layers:
        layer.weight.data.normal_(0, layer.in_features**-0.5, generator=rng)
    return nn.Sequential(*layers)


@pytest.mark.parametrize("widths", [(5, 7, 6, 3), (3, 8, 8, 5), (4, 4, 4, 4, 4, 4)])
def test_a_deep_linear_network_has_those_of_the_product_of_its_matrices(
    widths: tuple[int, ...], rng: torch.Generator
) -> None:
    model = linear_chain(*widths, rng=rng)
    product = np.linalg.multi_dot([layer.weight.detach().numpy() for layer in reversed(model)])
    inputs = torch.randn(6, widths[0], generator=rng, dtype=torch.float64)
    expected = np.linalg.svd(product, compute_uv=False)
    np.testing.assert_allclose(singular_values(model, inputs), np.tile(expected, (6, 1)), rtol=1e-10)


def test_orthogonal_layers_are_an_isometry_however_many(rng: torch.Generator) -> None:
    """Saxe et al. 2013, section 3: the point of orthogonal initialisation."""
    model = linear_chain(*[6] * 31, rng=rng)
    for layer in model:
        nn.init.orthogonal_(layer.weight, generator=rng)
    np.testing.assert_allclose(singular_values(model, torch.ones(2, 6).double()), 1, rtol=1e-12)


def test_differences_of_outputs_give_the_same(network: nn.Module, rng: torch.Generator) -> None:
    """Central differences in each of the 128 entries of an image, far enough from the kinks."""
    model = network.double().eval()
    inputs = torch.randn(2, 2, 8, 8, generator=rng, dtype=torch.float64)
    steps = 1e-6 * torch.eye(128, dtype=torch.float64).reshape(128, 2, 8, 8)
    for image, values in zip(inputs, singular_values(model, inputs), strict=True):
        with torch.no_grad():
            derivative = (model(image + steps) - model(image - steps)) / 2e-6  # (128, 3)
        np.testing.assert_allclose(values, np.linalg.svd(derivative.numpy(), compute_uv=False), rtol=1e-6)


def test_torch_func_gives_the_same_example_by_example(network: nn.Module, rng: torch.Generator) -> None:
    model = network.eval()
    inputs = torch.randn(5, 2, 8, 8, generator=rng)
    one = torch.func.jacrev(lambda image: model(image[None])[0])
    expected = [torch.linalg.svdvals(one(image).reshape(3, -1)).detach().numpy() for image in inputs]
    np.testing.assert_allclose(singular_values(model, inputs), expected, rtol=1e-4)


def test_a_constant_network_has_zeros_and_an_infinite_one_nan() -> None:
    model = nn.Linear(3, 2)
    model.weight.data.zero_()
    assert (singular_values(model, torch.ones(4, 3)) == 0).all()
    model.weight.data.fill_(torch.inf)
    assert np.isnan(singular_values(model, torch.ones(4, 3))).all()


def test_outputs_of_any_shape_are_counted(rng: torch.Generator) -> None:
    model = nn.Conv2d(2, 3, 3)
    inputs = torch.randn(4, 2, 5, 5, generator=rng)
    assert derivative_shape(model, inputs) == (27, 50)
    assert singular_values(model, inputs).shape == (4, 27)
    flat = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))
    assert derivative_shape(flat, torch.zeros(2, 3)) == (1, 3)
    assert singular_values(flat, torch.zeros(2, 3)).shape == (2, 1)
