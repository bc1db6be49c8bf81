"""Measures of `cells`, `local_minima` and `low_loss_surface` on numbers that are made up."""

import numpy as np
import pytest
import xarray as xr
from python_of import measure_of

from lossatlas.measures import measured


def test_crossings_an_epoch_are_those_of_a_line_over_the_epochs_that_it_spans() -> None:
    counts = xr.DataArray([[30.0, 8.0, 20.0]], {"split": ["train"], "line": [1, 3, 8]})
    found = measured(measure_of("cells", "training"), {"training": xr.Dataset({"line_crossings": counts})})
    assert found.values.tolist() == [30.0, 4.0, 4.0]


def test_crossings_are_held_against_the_units_that_differ_in_the_end() -> None:
    dataset = xr.Dataset(
        {
            "line_crossings": (("split", "line"), [[300.0]]),
            "line_switched": (("split", "line"), [[0.25]]),
            "units": ("layer", [4, 4]),
            "examples": ("split", [100]),
        },
        {"split": ["train"], "line": [1], "layer": ["1", "3"]},
    )
    found = measured(measure_of("cells", "straight"), {"activation_patterns": dataset})
    assert found.item() == pytest.approx(300 / (0.25 * 8 * 100))


def test_negative_curvature_counts_from_a_hundredth_of_the_largest_on_and_goes_with_the_loss() -> None:
    nodes = np.array([[-2.0, 0.0, 10.0], [-0.5, 0.0, 10.0], [-0.05, 0.0, 10.0]])  # by snapshot
    weights = np.array([[0.3, 0.4, 0.3], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3]])
    index = xr.Dataset(
        {
            "node": (("snapshot", "probe", "step"), nodes[:, None]),
            "weight": (("snapshot", "probe", "step"), weights[:, None]),
        },
        {"snapshot": [0, 2, 10]},
    )
    end = measured(measure_of("local_minima", "index, end"), {"index": index})
    assert end.values == pytest.approx([30, 20, 0])
    for losses, expected in (([3.0, 2.0, 1.0], 1), ([1.0, 2.0, 3.0], -1)):
        path = xr.Dataset({"loss": (("split", "t"), [losses])}, {"split": ["train"], "t": [0.0, 1.0, 2.0]})
        found = measured(measure_of("local_minima", "index, 16"), {"losses": path, "index": index})
        assert found.item() == pytest.approx(expected)


def test_the_middle_of_a_triangle_is_where_no_corner_has_the_most() -> None:
    shares = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0.4, 0.3, 0.3]])
    dataset = xr.Dataset(
        {"loss": (("split", "point"), [[1.0, 2.0, 3.0, 4.0, 5.0]])},
        {
            "split": ["train"],
            **{name: ("point", column) for name, column in zip("uvw", shares.T, strict=True)},
        },
    )
    assert measured(measure_of("low_loss_surface", "middle"), {"triangle": dataset}).item() == 5
