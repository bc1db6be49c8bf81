"""Spectral norm in both forms, and in the layers that torch has it for."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, spectral_norm

from lossatlas.spectral_norm import exact_spectral_norm, normed_weights

Norm = Callable[..., nn.Module]
FORMS = [spectral_norm, parametrizations.spectral_norm]


def weight_in_use(layer: nn.Module, inputs: Tensor) -> Tensor:
    layer.eval()(inputs)  # a hook computes the weight of the other form
    return layer.weight.detach()  # type: ignore[return-value, operator, union-attr]


@pytest.mark.parametrize("norm", FORMS)
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: nn.Linear(5, 3), (2, 5)),
        (lambda: nn.Linear(3, 5), (2, 3)),
        (lambda: nn.Conv2d(2, 4, 3), (1, 2, 5, 5)),
        (lambda: nn.ConvTranspose2d(2, 4, 3), (1, 2, 5, 5)),
    ],
)
def test_a_settled_weight_has_the_norm_one(
    norm: Norm, layer: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    module = norm(layer())
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    rows = 1 if isinstance(module, nn.ConvTranspose2d) else 0  # torch takes the second axis of these
    inputs = torch.randn(shape)

    def size() -> float:
        matrix = weight_in_use(module, inputs).movedim(rows, 0).flatten(1)
        return float(torch.linalg.matrix_norm(matrix, 2))

    assert abs(size() - 1) > 1e-2
    (normed,) = normed_weights(module)
    assert set(normed.vectors) <= dict(module.named_buffers()).keys()
    normed.settle()
    assert size() == pytest.approx(1, abs=1e-5)


def test_after_others_in_a_chain() -> None:
    torch.manual_seed(0)
    layer = parametrizations.spectral_norm(parametrizations.weight_norm(nn.Linear(5, 3)))
    layer.parametrizations.weight.original1.data.normal_()
    (normed,) = normed_weights(layer)
    normed.settle()
    assert float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("norm", FORMS)
def test_weights_that_are_not_finite_have_no_norm(norm: Norm) -> None:
    layer = norm(nn.Linear(5, 3))
    for parameter in layer.parameters():
        parameter.data.fill_(torch.inf)
    (normed,) = normed_weights(layer)
    normed.settle()
    assert weight_in_use(layer, torch.ones(1, 5)).isnan().all()


@pytest.mark.parametrize("norm", FORMS)
def test_the_exact_norm_is_that_of_the_block_alone(norm: Norm) -> None:
    torch.manual_seed(0)
    layer = norm(nn.Linear(5, 3)).eval()
    next(parameter for parameter in layer.parameters() if parameter.ndim == 2).data.normal_()
    before = layer(torch.ones(1, 5))
    with exact_spectral_norm(layer):
        inside = layer(torch.ones(1, 5))
        assert float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) == pytest.approx(1, abs=1e-6)
    assert not torch.allclose(inside, before)
    assert torch.equal(layer(torch.ones(1, 5)), before)


def test_a_vector_has_no_singular_vectors() -> None:
    layer = parametrizations.spectral_norm(nn.Linear(5, 3), "bias")
    assert normed_weights(layer) == []
    with exact_spectral_norm(layer):
        assert float(layer.bias.detach().norm()) == pytest.approx(1)
