"""Bezier triangles against de Casteljau's algorithm and the Bezier curves of their sides."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from lossatlas.landscape import Bezier, BezierTriangle
from lossatlas.landscape.shapes.bezier_triangle import TrianglePoints

PLACES = [(1.0, 0.0, 0.0), (0.2, 0.3, 0.5), (1 / 3, 1 / 3, 1 / 3), (0.0, 0.25, 0.75)]


def de_casteljau(place: Sequence[float], degree: int, values: dict[tuple[int, ...], float]) -> float:
    """Weighted means of neighbours, until one is left."""
    while degree:
        degree -= 1
        indices = [(i, j, degree - i - j) for i in range(degree + 1) for j in range(degree + 1 - i)]
        values = {
            index: sum(
                share * values[tuple(number + (k == axis) for k, number in enumerate(index))]
                for axis, share in enumerate(place)
            )
            for index in indices
        }
    return values[0, 0, 0]


@pytest.mark.parametrize("bends", [0, 1, 2, 3])
@pytest.mark.parametrize("place", PLACES)
def test_a_place_is_where_de_casteljau_finds_it(bends: int, place: tuple[float, float, float]) -> None:
    family = BezierTriangle(bends)
    values = np.random.default_rng(0).normal(size=family.points())
    indices = [tuple(round(share * (bends + 1)) for share in row) for row in family.straight(3)]
    expected = de_casteljau(place, bends + 1, dict(zip(indices, values, strict=True)))
    assert values @ family.coefficients(place, family.points()) == pytest.approx(expected)


@pytest.mark.parametrize("bends", [1, 2])
def test_a_side_is_the_curve_of_its_control_points(bends: int) -> None:
    family, curve = BezierTriangle(bends), Bezier(bends)
    side = [k for k, row in enumerate(family.straight(3)) if row[2] == 0]
    for t in (0.0, 0.3, 1.0):
        found = family.coefficients((1 - t, t, 0.0), family.points())
        np.testing.assert_allclose([found[k] for k in side], curve.coefficients(t, bends + 2))
        assert sum(found) == pytest.approx(1)


def test_straight_control_points_make_a_flat_triangle() -> None:
    for bends in (1, 3):
        family = BezierTriangle(bends)
        for place in PLACES:
            found = np.array(family.coefficients(place, family.points())) @ np.array(family.straight(3))
            np.testing.assert_allclose(found, place, atol=1e-12)
        assert [family.straight(3)[k] for k in family.ends(family.points())] == np.eye(3).tolist()


def test_places_are_drawn_evenly() -> None:
    rng = torch.Generator().manual_seed(0)
    drawn = np.array([BezierTriangle().draw(rng) for _ in range(4000)])
    np.testing.assert_allclose(drawn.sum(1), 1)
    assert (drawn >= 0).all()
    np.testing.assert_allclose(drawn.mean(0), 1 / 3, atol=0.02)
    np.testing.assert_allclose(np.cov(drawn.T), (np.eye(3) - 1 / 3) / 12, atol=0.005)  # of Dirichlet(1, 1, 1)


def test_points_lie_evenly_and_corners_are_the_networks_to_the_last_bit() -> None:
    points = [{"w": torch.randn(4, generator=torch.Generator().manual_seed(k))} for k in range(6)]
    grid = TrianglePoints(points, side=5)
    assert len(set(grid.places)) == len(grid) == 15
    out = {"w": torch.empty(4)}
    for place, corner in (((1.0, 0.0, 0.0), 0), ((0.0, 1.0, 0.0), 3), ((0.0, 0.0, 1.0), 5)):
        grid.weights_at(grid.places.index(place), out)
        assert torch.equal(out["w"], points[corner]["w"])


def test_what_is_no_triangle_is_refused() -> None:
    with pytest.raises(
        ValueError, match="bends counts the control points inside a side and must be >= 0, got -1"
    ):
        BezierTriangle(-1)
    with pytest.raises(ValueError, match=r"a Bezier triangle has 3, 6, 10, ... control points, got 4"):
        BezierTriangle.of_points(4)
    with pytest.raises(ValueError, match="a triangle needs three ends, its corners, got 2"):
        BezierTriangle().points(2)
    with pytest.raises(ValueError, match="three shares that sum to 1, got"):
        BezierTriangle().coefficients((0.5, 0.6, 0.0), 6)
    with pytest.raises(ValueError, match="side counts the points along a side and must be >= 2, got 1"):
        TrianglePoints([{"w": torch.zeros(1)}] * 3, side=1)
