"""Bezier curves and polygonal chains as weights of control points, against scipy and de Casteljau."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.interpolate import BPoly, interp1d

from lossatlas.landscape import Bezier, CurveFamily, PolygonalChain
from lossatlas.landscape.shapes.curve_families import located

POINTS = np.random.default_rng(0).normal(size=(7, 3))  # 7 fit 0, 1, 2 and 5 bends
T = np.linspace(0, 1, 41)


def along(family: CurveFamily, points: NDArray[np.float64], t: Sequence[float] = T) -> NDArray[np.float64]:
    return np.array([family.coefficients(position, len(points)) for position in t]) @ points


def de_casteljau(points: NDArray[np.float64], t: float) -> NDArray[np.float64]:
    while len(points) > 1:
        points = (1 - t) * points[:-1] + t * points[1:]
    return points[0]


@pytest.mark.parametrize("points", [2, 3, 4, 7])
def test_a_bezier_curve_is_de_casteljaus_and_the_bernstein_polynomial_of_scipy(points: int) -> None:
    control = POINTS[:points]
    curve = along(Bezier(bends=points - 2), control)
    np.testing.assert_allclose(curve, [de_casteljau(control, t) for t in T], atol=1e-14)
    np.testing.assert_allclose(curve, BPoly(control[:, None], [0, 1])(T), atol=1e-14)


@pytest.mark.parametrize("bends", [0, 1, 2, 5])
def test_a_chain_is_linear_interpolation_between_its_points_whatever_the_number_of_bends(bends: int) -> None:
    expected = interp1d(np.linspace(0, 1, 7), POINTS, axis=0)(T)
    np.testing.assert_allclose(along(PolygonalChain(bends), POINTS), expected, atol=1e-13)


def test_a_bezier_curve_through_several_ends_is_a_curve_from_each_to_the_next() -> None:
    expected = BPoly(np.stack([POINTS[0:4], POINTS[3:7]], axis=1), [0, 0.5, 1])(T)
    np.testing.assert_allclose(along(Bezier(bends=2), POINTS), expected, atol=1e-14)


@pytest.mark.parametrize("family", [Bezier(0), Bezier(1), Bezier(2), Bezier(5), PolygonalChain(1)])
def test_a_curve_passes_through_each_of_its_ends(family: CurveFamily) -> None:
    ends = family.ends(7)
    np.testing.assert_allclose(
        along(family, POINTS, np.arange(0, 7, ends.step) / 6), POINTS[ends], atol=1e-14
    )


@pytest.mark.parametrize(
    "family", [Bezier(1), Bezier(2), Bezier(None), PolygonalChain(1), PolygonalChain(None)]
)
def test_at_the_first_and_the_last_end_no_other_point_weighs_anything(family: CurveFamily) -> None:
    assert family.coefficients(0.0, 7) == [1, 0, 0, 0, 0, 0, 0]
    assert family.coefficients(1.0, 7) == [0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("family", [Bezier(1), Bezier(2), Bezier(None), PolygonalChain(1), PolygonalChain(2)])
def test_derivatives_are_central_differences(family: CurveFamily) -> None:
    t, step = [0.03, 0.3, 0.55, 0.97], 1e-6
    rates = np.array([family.derivative(position, 7) for position in t])
    difference = along(family, np.eye(7), np.add(t, step)) - along(family, np.eye(7), np.subtract(t, step))
    np.testing.assert_allclose(rates, difference / (2 * step), atol=1e-8)
    np.testing.assert_allclose(rates.sum(1), 0, atol=1e-12)


def test_at_a_corner_the_derivative_is_that_of_what_follows() -> None:
    assert PolygonalChain(1).derivative(0.5, 3) == [0.0, -2.0, 2.0]
    assert Bezier(1).derivative(0.5, 5) == [0.0, 0.0, -4.0, 4.0, 0.0]
    assert PolygonalChain(1).derivative(1.0, 3) == [0.0, -2.0, 2.0]


@pytest.mark.parametrize(
    ("bends", "ends", "points"), [(1, 2, 3), (1, 3, 5), (3, 2, 5), (3, 4, 13), (0, 5, 5)]
)
def test_bends_lie_between_each_two_neighbouring_ends(bends: int, ends: int, points: int) -> None:
    for family in (Bezier(bends), PolygonalChain(bends)):
        assert family.points(ends) == points
        assert len(family.ends(points)) == ends


@pytest.mark.parametrize("family", [Bezier, PolygonalChain])
def test_a_number_of_control_points_that_makes_no_whole_curve_is_refused(family: type[CurveFamily]) -> None:
    message = "a curve with 2 bends between neighbouring ends has 4, 7, 10, ... control points, got 3"
    for use in (
        family(2).ends,
        lambda n: family(2).coefficients(0.5, n),
        lambda n: family(2).derivative(0.5, n),
    ):
        with pytest.raises(ValueError, match=message):
            use(3)


@pytest.mark.parametrize("family", [Bezier, PolygonalChain])
def test_numbers_out_of_their_range_are_refused(family: type[CurveFamily]) -> None:
    with pytest.raises(ValueError, match=r"bends counts the control points between two ends .* got -1"):
        family(-1)
    with pytest.raises(ValueError, match="a curve needs at least two ends, got 1"):
        family(1).points(1)
    with pytest.raises(ValueError, match="a curve needs at least two control points, its ends, got 1"):
        family(1).ends(1)
    with pytest.raises(ValueError, match="bends=None leaves open how many control points there are"):
        family(None).points(2)
    for t in (-1e-9, 1.5, float("nan")):
        with pytest.raises(ValueError, match=r"t is a position along the curve and must be in \[0, 1\], got"):
            family(1).coefficients(t, 3)


def test_positions_are_drawn_uniformly_and_by_the_generator_alone() -> None:
    drawn = [Bezier().draw(rng) for rng in [torch.Generator().manual_seed(0)] for _ in range(2000)]
    assert 0 <= min(drawn) < 0.01
    assert 0.99 < max(drawn) < 1
    assert np.mean(drawn) == pytest.approx(0.5, abs=4 / np.sqrt(12 * 2000))
    assert drawn[0] == PolygonalChain().draw(torch.Generator().manual_seed(0))


def test_a_border_belongs_to_the_part_after_it() -> None:
    assert [located(t, 3) for t in (0.0, 1 / 3, 2 / 3, 1.0)] == [(0, 0.0), (1, 0.0), (2, 0.0), (2, 1.0)]
