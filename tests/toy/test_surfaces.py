import numpy as np
import pytest
import torch
from scipy.optimize import minimize, root

from lossatlas.toy import (
    Beale,
    Bowl,
    CriticalPoint,
    Cubic,
    Himmelblau,
    MonkeySaddle,
    Pit,
    Quadratic,
    Rosenbrock,
    Saddle,
    Slope,
    Surface,
)

SURFACES = [
    Bowl(),
    Bowl(condition=100.0, angle=30.0),
    Rosenbrock(),
    Rosenbrock(a=-0.5, b=3.0),
    Beale(),
    Himmelblau(),
    Saddle(),
    Saddle(walls=0.0),
    Saddle(walls=4.0),
    MonkeySaddle(),
    MonkeySaddle(walls=1.5),
    Cubic(),
    Quadratic([1.0, -4.0]),
]
NAMES = [repr(surface) for surface in SURFACES]


def slope_and_curvature(surface: Surface, place: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
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


def test_a_quadratic_has_the_curvatures_that_it_is_given() -> None:
    gradient, curvature = slope_and_curvature(Quadratic([1.0, 100.0, -3.0]), [1.0, 1.0, 1.0])
    assert gradient.tolist() == [1, 100, -3]
    assert curvature.diagonal().tolist() == [1, 100, -3]


def test_a_slope_is_as_steep_everywhere() -> None:
    for place in ([0.0, 0.0], [-7.0, 3.0]):
        gradient, curvature = slope_and_curvature(Slope([2.0, -0.5]), place)
        assert gradient.tolist() == [2, -0.5]
        assert not curvature.any()


@pytest.mark.parametrize(("width", "minima"), [(0.1, 2), (0.4, 2), (0.9, 1)])
def test_a_pit_holds_a_minimum_if_its_side_is_steeper_than_the_bowl(width: float, minima: int) -> None:
    """0.4 / (width sqrt(e)) against the bowl's slope of about 0.3."""
    x = torch.linspace(-1, 4, 5001, dtype=torch.float64)[:, None]
    steps = Pit(width=width).heights(x).diff().sign()
    assert int((steps.diff() > 0).sum()) == minima
    assert (0.4 / width / np.e**0.5 > 0.3) == (minima == 2)


def test_the_middle_of_a_pit_is_as_curved_as_bowl_and_pit_together() -> None:
    gradient, curvature = slope_and_curvature(Pit(width=0.1), [1.5, 2.0])
    np.testing.assert_allclose(gradient, [0.2 * 1.5, 0.2 * 2.0])
    np.testing.assert_allclose(curvature, [[0.2 + 0.4 / 0.1**2, 0.0], [0.0, 0.2]], atol=1e-12)
    with pytest.raises(ValueError, match=r"width must be > 0, got 0\.0"):
        Pit(width=0.0)


def test_as_a_loss_a_surface_is_the_mean_height_whatever_the_targets() -> None:
    places = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    x, y = places.T
    assert Cubic(floor=-9)(places, torch.zeros(5)).item() == pytest.approx((x**3 - x**2 + y**2).mean().item())


@pytest.mark.parametrize("surface", SURFACES, ids=NAMES)
def test_slopes_and_curvatures_are_those_of_finite_differences(surface: Surface) -> None:
    def height(*place: float) -> float:
        return float(surface.heights(torch.tensor(place, dtype=torch.float64)))

    x, y, step = 0.7, -0.4, 1e-4
    gradient, curvature = slope_and_curvature(surface, [x, y])
    along_x = (height(x + step, y) - height(x - step, y)) / (2 * step)
    along_y = (height(x, y + step) - height(x, y - step)) / (2 * step)
    np.testing.assert_allclose(gradient, [along_x, along_y], rtol=1e-5, atol=1e-6)
    mixed = [height(x + a * step, y + b * step) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
    xx = (height(x + step, y) - 2 * height(x, y) + height(x - step, y)) / step**2
    yy = (height(x, y + step) - 2 * height(x, y) + height(x, y - step)) / step**2
    xy = (mixed[0] - mixed[1] - mixed[2] + mixed[3]) / (4 * step**2)
    np.testing.assert_allclose(curvature, [[xx, xy], [xy, yy]], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("surface", SURFACES, ids=NAMES)
def test_critical_points_are_level_and_of_the_kind_that_their_curvatures_say(surface: Surface) -> None:
    assert surface.critical_points
    for point in surface.critical_points:
        gradient, curvature = slope_and_curvature(surface, list(point.place))
        np.testing.assert_allclose(gradient, 0, atol=1e-11)
        low, high = torch.linalg.eigvalsh(curvature).tolist()
        if isinstance(surface, MonkeySaddle) and point.place == (0, 0):
            assert (low, high, point.kind) == (0, 0, "saddle")  # no curvature tells
        else:
            assert point.kind == ("minimum" if low > 0 else "maximum" if high < 0 else "saddle")
        height = surface.heights(torch.tensor(point.place, dtype=torch.float64)).item()
        assert point.height == pytest.approx(height, abs=1e-20)


@pytest.mark.parametrize("surface", SURFACES, ids=NAMES)
def test_there_are_no_other_critical_points_nearby(surface: Surface) -> None:
    """All zeros of the gradient that Powell's method finds from a grid of places."""
    known = np.array([point.place for point in surface.critical_points])

    def gradient(place: np.ndarray) -> np.ndarray:
        at = torch.tensor(place, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(surface.heights(at), at)
        return slope.numpy()

    found = [
        root(gradient, (x, y), tol=1e-13) for x in np.linspace(-4, 4, 4) for y in np.linspace(-4, 4.5, 4)
    ]
    zeros = np.array([each.x for each in found if each.success and abs(gradient(each.x)).max() < 1e-10])
    if isinstance(surface, Cubic):
        zeros = zeros[zeros[:, 0] > surface.floor]  # beyond it the ground is level
    assert len(zeros)
    distances = np.linalg.norm(zeros[:, None] - known, axis=-1).min(1)
    # Where the Hessian is zero the gradient is small far around.
    assert distances.max() < (1e-3 if isinstance(surface, MonkeySaddle) else 1e-6)


@pytest.mark.parametrize(
    ("surface", "place", "height", "trace", "determinant"),
    [
        (Bowl(condition=25.0, angle=40.0), (0, 0), 0, 26, 25),
        (Rosenbrock(), (1, 1), 0, 1002, 400),  # 2 + 2b + 8 b a^2 and 4b
        (Rosenbrock(a=2.0, b=3.0), (2, 4), 0, 104, 12),
        (Beale(), (3, 0.5), 0, 3.15625 + 46.125, 3.15625 * 46.125 - 11.4375**2),
        (Beale(), (0, 1), 1.5**2 + 2.25**2 + 2.625**2, 0, -(27.75**2)),
        (Himmelblau(), (3, 2), 0, 74 + 34, 74 * 34 - 20**2),  # 12 x^2 + 4y - 42, 12 y^2 + 4x - 26, 4 (x + y)
        (Saddle(walls=4.0), (0, 0.5), -1 / 16, 3, 2),
        (Saddle(walls=4.0), (0, 0), 0, 0, -1),
        (MonkeySaddle(), (-1, 0), -0.25, 3 + 9, 3 * 9),
        (MonkeySaddle(walls=1.5), (-2, 0), -2, 6 + 18, 6 * 18),
    ],
)
def test_heights_and_curvatures_have_their_closed_forms(
    surface: Surface, place: tuple[float, float], height: float, trace: float, determinant: float
) -> None:
    points = [point for point in surface.critical_points if np.allclose(point.place, place, atol=1e-9)]
    assert len(points) == 1
    assert points[0].height == pytest.approx(height, abs=1e-12)
    _, curvature = slope_and_curvature(surface, list(points[0].place))
    assert curvature.trace().item() == pytest.approx(trace, abs=1e-9)
    assert torch.linalg.det(curvature).item() == pytest.approx(determinant, abs=1e-6)


def test_himmelblau_s_minima_are_the_roots_of_its_quartic() -> None:
    """y = 11 - x^2 in x + y^2 = 7 gives x^4 - 22 x^2 + x + 114 = 0."""
    minima = [point.place for point in Himmelblau().critical_points if point.kind == "minimum"]
    roots = np.sort(np.roots([1, 0, -22, 1, 114]).real)
    np.testing.assert_allclose(sorted(x for x, _ in minima), roots, atol=1e-10)
    np.testing.assert_allclose([y for _, y in minima], [11 - x**2 for x, _ in minima], atol=1e-10)


def test_the_best_rate_shrinks_the_distance_in_a_bowl_as_its_condition_number_says() -> None:
    surface = Bowl(condition=9.0, angle=20.0)
    for rate, factor in ((2 / 10, 0.8), (2 / 9 * 1.01, 1.02)):
        place = torch.tensor([-np.sin(np.radians(20)), np.cos(np.radians(20))])  # along the steepest
        gradient, _ = slope_and_curvature(surface, place.tolist())
        assert (place - rate * gradient).norm().item() == pytest.approx(factor, abs=1e-6)


def test_what_a_surface_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"condition must be a number >= 1, got 0\.5"):
        Bowl(condition=0.5)
    with pytest.raises(ValueError, match="angle must be finite, in degrees, got inf"):
        Bowl(angle=float("inf"))
    with pytest.raises(ValueError, match=r"b must be > 0, got 0\.0"):
        Rosenbrock(b=0.0)
    for kind in (Saddle, MonkeySaddle):
        with pytest.raises(ValueError, match=r"walls must be a number >= 0, got -1\.0"):
            kind(walls=-1.0)
    with pytest.raises(ValueError, match="a surface over the plane, got places of 3 dimensions"):
        Beale().heights(torch.zeros(5, 3))


def test_a_quadratic_says_what_its_level_place_is() -> None:
    assert Quadratic([1.0, 2.0, 3.0]).critical_points == (CriticalPoint("minimum", (0.0, 0.0, 0.0), 0.0),)
    assert Quadratic([-1.0, -2.0]).critical_points[0].kind == "maximum"
    assert Quadratic([1.0, -2.0]).critical_points[0].kind == "saddle"
    assert Quadratic([1.0, 0.0]).critical_points == ()
