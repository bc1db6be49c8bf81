"""Weight norm in both forms: the same values, and second derivatives that are differences of the first."""

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parametrizations

from lossatlas.weight_norm import exact_weight_norm

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the older form is deprecated

    def hooked(layer: nn.Module, dim: int | None) -> nn.Module:
        return nn.utils.weight_norm(layer, dim=dim)


def parametrized(layer: nn.Module, dim: int | None) -> nn.Module:
    return parametrizations.weight_norm(layer, dim=dim)


FORMS = pytest.mark.parametrize("form", [hooked, parametrized])
DIMS = pytest.mark.parametrize("dim", [0, 1, None])


def made(form: Callable[..., nn.Module], dim: int | None) -> nn.Module:
    torch.manual_seed(0)
    network = form(nn.Conv2d(2, 3, 2), dim).double()
    for parameter in network.parameters():
        parameter.data += 0.5 * torch.rand_like(parameter)
    return network


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@FORMS
@DIMS
def test_it_computes_the_same(form: Callable[..., nn.Module], dim: int | None) -> None:
    network, x = made(form, dim), torch.ones(1, 2, 4, 4, dtype=torch.float64)
    before = network(x)
    with exact_weight_norm(network):
        torch.testing.assert_close(network(x), before)
    torch.testing.assert_close(network(x), before)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@FORMS
@DIMS
def test_its_second_derivatives_are_differences_of_the_first(
    form: Callable[..., nn.Module], dim: int | None
) -> None:
    network = made(form, dim)
    x = torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    names = [name for name, _ in network.named_parameters()]

    def loss(*parameters: Tensor) -> Tensor:
        return functional_call(network, dict(zip(names, parameters, strict=True)), x).pow(3).sum()

    with exact_weight_norm(network):
        assert torch.autograd.gradgradcheck(loss, tuple(network.parameters()))


def test_a_block_within_another_leaves_the_outer_one_in_place() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    (part,) = layer.parametrizations.weight
    with exact_weight_norm(layer):
        with exact_weight_norm(layer):
            pass
        assert "forward" in vars(part)
    assert "forward" not in vars(part)
