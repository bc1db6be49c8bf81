"""The factor on the loss at t, against integrals of scipy's and finite differences."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from lossatlas.landscape import Bezier, ControlledCurve, CurveFamily, PolygonalChain
from lossatlas.studies import ArcLength, UniformPosition

POINTS = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
FAMILIES = [Bezier(1), Bezier(3), PolygonalChain(1), PolygonalChain(3)]


def loss(point: np.ndarray) -> float:
    """Any function of the weights."""
    return float(np.sin(point).sum() + point @ point)


def along(family: CurveFamily, points: torch.Tensor, t: float) -> np.ndarray:
    return np.array(family.coefficients(t, len(points))) @ points.numpy()


def integral_over_arc_length(family: CurveFamily, points: torch.Tensor) -> float:
    """Mean of `loss` over points that are evenly far from each other, by summation over a fine polygon."""
    t = np.linspace(0, 1, 40001)
    places = np.array([family.coefficients(position, len(points)) for position in t]) @ points.numpy()
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    middles = (places[1:] + places[:-1]) / 2
    losses = np.sin(middles).sum(1) + (middles**2).sum(1)
    return float(losses @ steps / steps.sum())


@pytest.mark.parametrize("family", FAMILIES)
def test_the_mean_over_uniform_t_is_the_integral_along_the_curve_over_its_length(family: CurveFamily) -> None:
    """Garipov et al. 2018, eq. (1)."""
    objective = ArcLength()
    mean, _ = quad(
        lambda t: float(objective(family, POINTS, t)) * loss(along(family, POINTS, t)),
        0.0,
        1.0,
        points=family.corners(5)[1:-1] or None,
        limit=200,
    )
    assert mean == pytest.approx(integral_over_arc_length(family, POINTS), rel=1e-5)


def test_that_mean_is_another_than_over_t_itself() -> None:
    """Else the test above would not tell the two objectives apart."""
    uniform, _ = quad(lambda t: loss(along(Bezier(1), POINTS, t)), 0, 1, points=[0.5])
    assert abs(uniform - integral_over_arc_length(Bezier(1), POINTS)) > 0.01
    assert [UniformPosition()(Bezier(1), POINTS, t) for t in (0.0, 0.3, 1.0)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_length_in_the_factor_is_that_of_the_curve(family: CurveFamily) -> None:
    curve = ControlledCurve(family, [{"w": point} for point in POINTS])
    for t in (0.1, 0.6):
        factor = ArcLength()(family, POINTS, t)
        assert factor.item() == pytest.approx(curve.speed(t) / curve.length(), rel=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_take_account_of_speed_and_length(family: CurveFamily) -> None:
    points = POINTS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda p: ArcLength()(family, p, 0.3), points)


def test_a_factor_of_a_line_at_even_speed_is_one_and_pulls_nowhere_along_it() -> None:
    points = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], dtype=torch.float64, requires_grad=True)
    factor = ArcLength()(Bezier(1), points, 0.2)
    assert factor.item() == pytest.approx(1, rel=1e-12)


def test_a_number_of_nodes_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="nodes must be >= 1, got 0"):
        ArcLength(nodes=0)
