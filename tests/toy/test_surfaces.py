import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from lossatlas.toy import Cubic


def slope_and_curvature(surface: Cubic, place: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    at = torch.tensor(place, dtype=torch.float64)
    gradient = torch.autograd.functional.jacobian(surface.heights, at)
    return gradient, torch.autograd.functional.hessian(surface.heights, at)


def test_the_valley_is_lowest_where_scipy_finds_it_and_as_curved_in_every_direction() -> None:
    found = minimize(lambda place: float(Cubic().heights(torch.from_numpy(place))), [1.0, 0.5], tol=1e-9)
    np.testing.assert_allclose(found.x, [2 / 3, 0], atol=1e-4)
    assert found.fun == pytest.approx(-4 / 27)
    gradient, curvature = slope_and_curvature(Cubic(), [2 / 3, 0.0])
    torch.testing.assert_close(gradient, torch.zeros(2, dtype=torch.float64))
    torch.testing.assert_close(curvature, 2 * torch.eye(2, dtype=torch.float64))


def test_the_pass_is_a_saddle_of_height_0() -> None:
    gradient, curvature = slope_and_curvature(Cubic(), [0.0, 0.0])
    assert gradient.tolist() == [0, 0]
    assert curvature.diagonal().tolist() == [-2, 2]


def test_beyond_the_floor_the_ground_is_level_along_x() -> None:
    x = torch.linspace(-3, -1, 5)
    heights = Cubic(floor=-1.0).heights(torch.stack([x, torch.full_like(x, 0.5)], 1))
    torch.testing.assert_close(heights, torch.full_like(x, -2 + 0.25))
    assert slope_and_curvature(Cubic(floor=-0.5), [-0.6, 0.0])[0].tolist() == [0, 0]
    with pytest.raises(ValueError, match="floor must lie beyond the pass at 0, got 0"):
        Cubic(floor=0.0)


def test_as_a_loss_a_surface_is_the_mean_height_whatever_the_targets() -> None:
    places = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    x, y = places.T
    assert Cubic(floor=-9)(places, torch.zeros(5)).item() == pytest.approx((x**3 - x**2 + y**2).mean().item())
