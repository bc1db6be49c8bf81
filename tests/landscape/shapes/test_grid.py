import numpy as np
import pytest
import torch

from lossatlas.landscape import Grid, Plane
from lossatlas.landscape.shapes.grid import axis, evenly, symmetric


def test_points_are_in_row_major_order() -> None:
    grid = Grid({"y": axis("y", [0, 1], ""), "x": axis("x", [0, 1, 2], "")}, lambda out, y, x: None)
    expected = [(y, x) for y in (0.0, 1.0) for x in (0.0, 1.0, 2.0)]
    assert [grid.coordinates(index) for index in range(len(grid))] == expected


@pytest.mark.parametrize("index", [-1, 6])
def test_a_point_outside_the_grid_is_an_error(index: int) -> None:
    grid = Grid({"y": axis("y", [0, 1], ""), "x": axis("x", [0, 1, 2], "")}, lambda out, y, x: None)
    with pytest.raises(IndexError, match=f"point {index} of a grid of 6"):
        grid.coordinates(index)


def test_interpolation_hits_its_two_networks_exactly() -> None:
    values = evenly(-0.5, 1.5, 401)
    assert values[100] == 0.0
    assert values[300] == 1.0
    assert (values[0], values[-1]) == (-0.5, 1.5)
    np.testing.assert_allclose(values, np.linspace(-0.5, 1.5, 401), atol=1e-15)


@pytest.mark.parametrize("extent", [1.0, 0.3, 1e-3])
@pytest.mark.parametrize("points", [3, 51, 251])
def test_a_symmetric_axis_is_symmetric_to_the_last_bit(extent: float, points: int) -> None:
    values = symmetric(extent, points)
    assert values[points // 2] == 0.0
    assert np.array_equal(values, -values[::-1])
    assert values[-1] == extent


@pytest.mark.parametrize("extent", [0.0, -1.0, float("nan"), float("inf")])
def test_an_extent_must_be_positive(extent: float) -> None:
    with pytest.raises(ValueError, match="extent must be finite and > 0"):
        Plane.random({"w": torch.eye(2)}, seed=0).grid(5, extent=extent)


def test_an_axis_needs_two_points_and_a_range() -> None:
    with pytest.raises(ValueError, match="points must be >= 2, got 1"):
        evenly(0.0, 1.0, 1)
    with pytest.raises(ValueError, match=r"the range must be finite and rise, got 1.0 to 0.0"):
        evenly(1.0, 0.0, 5)
