"""Crossings of functions that are known, and areas of curves that are."""

import math

import numpy as np
import pytest

from lossatlas.landscape.measuring.rays import Ray, star_area

MARKS = [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-8])
def test_a_crossing_is_known_to_within_the_tolerance(tolerance: float) -> None:
    """exp(2 r) - 1 reaches L at log(1 + L) / 2."""
    levels = [0.1, 1.0, 3.0]
    found = Ray(lambda r: math.expm1(2 * r), 0.0).crossings(levels, MARKS, tolerance=tolerance)
    np.testing.assert_allclose(found, np.log1p(levels) / 2, atol=tolerance, rtol=0)


def test_the_first_of_several_crossings_counts() -> None:
    """sin**2 rises over 1/2 at pi / 4 and falls below it again."""
    (found,) = Ray(lambda r: math.sin(r) ** 2, 0.0).crossings([0.5], np.arange(1, 20) / 4, tolerance=1e-9)
    assert found == pytest.approx(math.pi / 4, abs=1e-9)


@pytest.mark.parametrize("beyond", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_lies_above_every_level(beyond: float) -> None:
    ray = Ray(lambda r: r if r < 0.6 else beyond, 0.0)
    assert ray.crossings([0.3, 50.0], MARKS, tolerance=1e-6) == pytest.approx([0.3, 0.6], abs=1e-6)


def test_a_cliff_is_found_as_a_slope_is() -> None:
    ray = Ray(lambda r: 1e30 if r > 0.6 else 0.0, 0.0)
    assert ray.crossings([1.0], MARKS, tolerance=1e-6) == pytest.approx([0.6], abs=1e-6)
    assert len(ray.known) < 30


def test_a_level_that_is_not_reached_is_infinitely_far_and_one_below_the_centre_at_no_distance() -> None:
    ray = Ray(lambda r: 1 + r, 1.0)
    assert ray.crossings([5.0, 1.0, 0.5], MARKS, tolerance=1e-6) == [math.inf, 0.0, 0.0]
    assert all(math.isnan(r) for r in Ray(lambda r: r, math.nan).crossings([1.0, 2.0], MARKS, tolerance=1.0))


def test_nothing_is_measured_twice_nor_beyond_the_highest_level() -> None:
    asked: list[float] = []

    def bowl(r: float) -> float:
        asked.append(r)
        return r**2

    Ray(bowl, 0.0).crossings([0.01, 0.04, 0.09], MARKS, tolerance=1e-6)
    assert len(set(asked)) == len(asked)
    assert max(asked) == 0.5  # 0.0625 at the first mark, below the last level


def test_a_loss_exactly_at_the_level_is_a_crossing() -> None:
    assert Ray(lambda r: r, 0.0).crossings([0.5], MARKS, tolerance=1e-9) == pytest.approx([0.5], abs=1e-9)


def _ellipse(rays: int, a: float, b: float) -> np.ndarray:
    angles = 2 * np.pi * np.arange(rays) / rays
    return 1 / np.sqrt((np.cos(angles) / a) ** 2 + (np.sin(angles) / b) ** 2)


@pytest.mark.parametrize(("rays", "accuracy"), [(8, 0.2), (16, 0.02), (32, 2e-4), (64, 1e-8)])
def test_an_ellipse_has_the_area_pi_a_b_and_no_larger_error_than_estimated(
    rays: int, accuracy: float
) -> None:
    area, error = star_area(_ellipse(rays, 1.0, 3.0))
    assert abs(area - 3 * np.pi) < accuracy * 3 * np.pi
    assert abs(area - 3 * np.pi) <= error + 1e-12


def test_areas_of_several_levels_are_open_where_a_ray_is() -> None:
    radii = np.stack([np.ones(4), np.array([1.0, np.inf, 1.0, 1.0]), np.full(4, np.nan)], axis=1)
    area, error = star_area(radii)
    np.testing.assert_array_equal(np.isinf(area), [False, True, False])
    np.testing.assert_array_equal(np.isinf(error), [False, True, False])
    assert np.isnan(area[2])
    assert np.isnan(error[2])


@pytest.mark.parametrize("rays", [0, 1, 7])
def test_an_odd_number_of_rays_is_refused(rays: int) -> None:
    with pytest.raises(ValueError, match=f"angles must be even and >= 2, got {rays}"):
        star_area(np.ones(rays))
