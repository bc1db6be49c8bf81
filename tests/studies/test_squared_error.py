import pytest
import torch
from torch.func import vmap

from lossatlas.studies import SquaredError


def test_classes_and_their_one_hot_probabilities_have_the_same_error() -> None:
    rng = torch.Generator().manual_seed(0)
    outputs, targets = torch.randn(7, 3, generator=rng), torch.randint(3, (7,), generator=rng)
    wanted = torch.eye(3)[targets]
    expected = ((outputs - wanted) ** 2).sum() / 2 / 7
    assert SquaredError()(outputs, targets) == pytest.approx(expected.item())
    assert SquaredError()(outputs, wanted) == pytest.approx(expected.item())


def test_its_gradient_is_the_distance_and_its_curvature_one() -> None:
    outputs, targets = torch.tensor([[0.3, -1.0]], dtype=torch.float64), torch.tensor([1])
    slope = torch.func.grad(SquaredError())(outputs, targets)
    torch.testing.assert_close(slope, torch.tensor([[0.3, -2.0]], dtype=torch.float64))
    curvature = torch.func.hessian(SquaredError())(outputs, targets).reshape(2, 2)
    torch.testing.assert_close(curvature, torch.eye(2, dtype=torch.float64))


def test_it_is_that_of_each_example_by_itself() -> None:
    outputs, targets = (
        torch.randn(4, 3, generator=torch.Generator().manual_seed(1)),
        torch.tensor([0, 1, 2, 2]),
    )
    each = vmap(SquaredError())(outputs.unsqueeze(1), targets.unsqueeze(1))
    torch.testing.assert_close(each.mean(), SquaredError()(outputs, targets))
