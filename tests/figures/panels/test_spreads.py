"""How far replicates spread: bands, and what stands for them where they would hide each other or say what is not so."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from lossatlas.figures.panels import spreads

X = np.linspace(0, 1, 21)


def arm(centre: float, width: float, seeds: int = 5) -> xr.DataArray:
    """Replicates evenly spaced around a constant."""
    around = centre + width * np.linspace(-1, 1, seeds)[:, None]
    return xr.DataArray(around + 0 * X, {"seed": range(seeds), "t": X}, ("seed", "t"))


def drawn(*arms: xr.DataArray, scale: str = "linear") -> Axes:
    axis = Figure().subplots()
    axis.set_yscale(scale)
    spreads(axis, list(zip(arms, ("red", "green", "blue"), strict=False)), "t")
    return axis


def counts(axis: Axes) -> tuple[int, int]:
    """Numbers of bands and of sets of intervals."""
    kinds = [type(part) for part in axis.collections]
    return sum(issubclass(kind, PolyCollection) for kind in kinds), sum(
        kind is LineCollection for kind in kinds
    )


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_ranges_apart_are_bands_around_medians(scale: str) -> None:
    axis = drawn(arm(1.0, 0.1), arm(2.0, 0.1), arm(3.0, 0.1), scale=scale)
    assert counts(axis) == (3, 0)
    np.testing.assert_allclose([line.get_ydata()[0] for line in axis.lines], [1.0, 2.0, 3.0])
    corners = axis.collections[0].get_paths()[0].vertices[:, 1]
    assert (corners.min(), corners.max()) == pytest.approx((0.9, 1.1))


def test_ranges_that_cover_each_other_are_intervals_each_at_places_of_its_own() -> None:
    axis = drawn(arm(1.0, 0.5), arm(1.1, 0.5), arm(1.2, 0.5))
    assert counts(axis) == (0, 3)
    places = [{segment[0, 0] for segment in part.get_segments()} for part in axis.collections]
    assert not places[0] & places[1] | places[1] & places[2] | places[0] & places[2]
    segments = axis.collections[0].get_segments()
    np.testing.assert_allclose([segment[:, 1] for segment in segments], [[0.5, 1.5]] * len(segments))


def test_two_outcomes_far_apart_are_a_line_each_and_no_band() -> None:
    both = xr.concat([arm(1.0, 0.01, 3), arm(9.0, 0.01, 2).assign_coords(seed=[3, 4])], "seed")
    axis = drawn(both)
    assert counts(axis) == (0, 0)
    assert len(axis.lines) == 5 + 1


def test_a_median_upon_another_is_dotted_so_that_both_are_seen() -> None:
    axis = drawn(arm(1.0, 0.0), arm(5.0, 0.0), arm(1.001, 0.0))
    assert [line.get_linestyle() for line in axis.lines] == ["-", "-", "--"]


def test_an_arm_that_was_not_run_is_left_out() -> None:
    axis = drawn(arm(1.0, 0.1) * np.nan, arm(2.0, 0.1))
    assert [line.get_color() for line in axis.lines] == ["green"]
