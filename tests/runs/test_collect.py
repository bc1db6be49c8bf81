"""Datasets of several runs in one, over the sweep."""

import numpy as np
import xarray as xr

from lossatlas.figures.arrangement import on_own_axes
from lossatlas.landscape.shapes.grid import OWN, axis
from lossatlas.runs.collect import combine


def plane(x: list[float]) -> xr.Dataset:
    along = axis("x", x, "along the first direction")
    along.attrs[OWN] = 1
    return xr.Dataset({"loss": ("x", [10 * value for value in x])}, {"x": along})


def test_planes_of_their_own_lie_over_one_axis_and_keep_their_places() -> None:
    gathered = combine([({"seed": 0}, plane([0.1, 0.2])), ({"seed": 1}, plane([0.5, 0.9]))])
    assert dict(gathered.loss.sizes) == {"seed": 2, "x": 2}
    np.testing.assert_equal(gathered.x_values.values, [[0.1, 0.2], [0.5, 0.9]])
    assert gathered.x_values.attrs["long_name"] == "along the first direction"
    xr.testing.assert_equal(on_own_axes(gathered.sel(seed=1, drop=True)), plane([0.5, 0.9]))


def test_lines_of_one_axis_keep_it() -> None:
    parts = [({"seed": seed}, xr.Dataset({"loss": ("x", [1.0, 2.0])}, {"x": [-0.5, 0.5]})) for seed in (0, 1)]
    assert combine(parts).x.values.tolist() == [-0.5, 0.5]
    assert "x_values" not in combine(parts)
