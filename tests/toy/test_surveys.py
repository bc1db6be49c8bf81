"""The surveys of networks on surfaces whose heights and curvatures are known in closed form."""

import numpy as np
import pytest
import torch

from lossatlas.data import nothing
from lossatlas.figures import picture
from lossatlas.figures.experiments.interactive_surfaces import one_surface
from lossatlas.landscape import (
    CoordinateDirections,
    Problem,
    convexity,
    eigenvalues,
    line,
    surface,
    trajectory,
)
from lossatlas.toy import (
    Beale,
    Bowl,
    Cubic,
    Himmelblau,
    MonkeySaddle,
    Point,
    Rosenbrock,
    Saddle,
    Surface,
)

DATA = nothing(batch_size=2, shape=(1, 1, 2), classes=2)
PLANE = CoordinateDirections([0, 1], origin=[0.0, 0.0])


def ball(on: Surface, x: float, y: float) -> Problem:
    point = Point([x, y], [x, y], input_shape=DATA.shape, classes=2)
    return Problem(point, on, {"train": DATA.normalized("train")})


@pytest.mark.parametrize(
    ("on", "place", "trace", "determinant"),
    [
        (Bowl(condition=100.0, angle=30.0), (0.7, -0.4), 101, 100),
        (Rosenbrock(), (1, 1), 1002, 400),
        (Beale(), (0, 1), 0, -(27.75**2)),
        (Himmelblau(), (3, 2), 108, 74 * 34 - 20**2),
        (Saddle(), (0, 0), 0, -1),
        (Saddle(), (0, 1), 3, 2),
        (MonkeySaddle(), (0.5, 0), 3, -5.25 * 2.25),  # 6x + 9x^2 and 3x^2 - 6x
        (Cubic(), (0, 0), 0, -4),
    ],
)
def test_eigenvalues_of_the_hessian_are_the_analytic_ones(
    on: Surface, place: tuple[float, float], trace: float, determinant: float
) -> None:
    found = eigenvalues(ball(on, *place), smallest=1, largest=1)
    ends = np.sort(np.roots([1, -trace, determinant]).real)
    np.testing.assert_allclose(np.sort(found.eigenvalue.values.ravel()), ends, rtol=1e-4, atol=1e-4)


def test_a_surface_from_an_origin_is_that_of_the_heights_wherever_the_ball_lies() -> None:
    found = [surface(ball(Beale(), x, 0.3), along=PLANE, points=5, extent=2.0) for x in (0.5, 3.0)]
    np.testing.assert_array_equal(found[0].loss, found[1].loss)
    y, x = np.meshgrid(found[0].y, found[0].x, indexing="ij")
    places = torch.tensor(np.stack([x, y], -1))
    np.testing.assert_allclose(found[0].loss.sel(split="train"), Beale().heights(places), rtol=1e-5)
    assert found[1].attrs["network_0"] == 3.0
    slices = line(ball(Himmelblau(), 1.0, 1.0), along=PLANE, points=5, extent=4.0)
    across = torch.stack([torch.zeros(5, dtype=torch.float64), torch.tensor(slices.alpha.values)], -1)
    np.testing.assert_allclose(
        slices.loss.isel(direction=1, split=0), Himmelblau().heights(across), rtol=1e-5
    )


def test_the_map_of_convexity_is_the_analytic_one() -> None:
    """x^3 - x^2 + y^2 has the curvatures 6x - 2 and 2, wherever y is."""
    found = convexity(ball(Cubic(floor=-9.0), 0.5, 0.0), along=PLANE, points=5, extent=1.5)
    x, _ = np.broadcast_arrays(found.x.values, found.lambda_min.values)
    np.testing.assert_allclose(found.lambda_min, np.minimum(6 * x - 2, 2), atol=1e-3)
    np.testing.assert_allclose(found.lambda_max, np.maximum(6 * x - 2, 2), atol=1e-3)
    (panel, _) = picture(found).axes
    (mark,) = panel.lines
    assert (mark.get_xdata(), mark.get_ydata()) == ([0.5], [0.0])
    assert panel.get_xlabel() == "first coordinate"


def test_a_trajectory_is_the_course_that_gradient_descent_has_in_closed_form() -> None:
    """In a bowl each coordinate shrinks by 1 - rate * curvature a step."""
    rate, problem = 0.15, ball(Bowl(condition=10.0), -1.5, 1.0)
    point, snapshots = problem.model, []
    optimizer = torch.optim.SGD(point.parameters(), lr=rate)
    for _ in range(6):
        snapshots.append({"position": point.position.detach().clone()})
        optimizer.zero_grad()
        problem.loss(point(DATA.normalized("train")[0]), torch.zeros(2)).backward()
        optimizer.step()
    found = trajectory(problem, snapshots=snapshots, along=PLANE, points=5)
    steps = np.arange(7)
    np.testing.assert_allclose(found.path_x, -1.5 * (1 - rate) ** steps, atol=1e-6)
    np.testing.assert_allclose(found.path_y, (1 - 10 * rate) ** steps, atol=1e-6)
    heights = (found.path_x**2 + 10 * found.path_y**2) / 2
    np.testing.assert_allclose(found.path_loss.sel(split="train"), heights, rtol=1e-5)
    (panel,) = picture(found).axes
    assert panel.get_ylabel() == "second coordinate"
    np.testing.assert_array_equal(panel.lines[-1].get_xdata(), found.path_x)
    assert one_surface(found).layout.scene.xaxis.title.text == "first coordinate"


def test_a_surface_marks_where_the_ball_lies() -> None:
    (panel,) = picture(surface(ball(Himmelblau(), 3.0, 2.0), along=PLANE, points=9, extent=5.0)).axes
    (mark,) = panel.lines
    assert (mark.get_xdata(), mark.get_ydata()) == ([3.0], [2.0])
