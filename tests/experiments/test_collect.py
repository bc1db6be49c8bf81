"""Datasets of several runs in one, over the sweep."""

from pathlib import Path

import numpy as np
import xarray as xr

from lossatlas.experiments.collect import _history, combine
from lossatlas.figures.layout.arrangement import on_own_axes
from lossatlas.landscape.shapes.grid import OWN, axis
from lossatlas.runs.store.store import Store


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


def layers(depth: int) -> xr.Dataset:
    names = xr.Variable("layer", [f"block.{k}" for k in range(depth)], {"long_name": "layer", OWN: 1})
    return xr.Dataset({"variance": ("layer", np.arange(depth) / 2)}, {"layer": names})


def test_layers_of_networks_of_different_depth_keep_their_order() -> None:
    """Joined by their names the tenth would come after the first."""
    gathered = combine([({"depth": depth}, layers(depth)) for depth in (3, 12)])
    np.testing.assert_equal(gathered.variance.sel(depth=12).values, np.arange(12) / 2)
    np.testing.assert_equal(gathered.variance.sel(depth=3).values[:4], [0, 0.5, 1, np.nan])
    assert gathered.layer_values.sel(depth=12).values[[2, 10]].tolist() == ["block.2", "block.10"]
    own = on_own_axes(gathered.sel(depth=3, drop=True)).isel(layer=slice(3))
    assert own.layer.values.tolist() == ["block.0", "block.1", "block.2"]


def test_lines_of_one_axis_keep_it() -> None:
    parts = [({"seed": seed}, xr.Dataset({"loss": ("x", [1.0, 2.0])}, {"x": [-0.5, 0.5]})) for seed in (0, 1)]
    assert combine(parts).x.values.tolist() == [-0.5, 0.5]
    assert "x_values" not in combine(parts)


def test_a_column_of_a_layer_can_be_kept_in_a_file_of_netcdf(tmp_path: Path) -> None:
    run = Store(tmp_path).run("0123456789abcdef")
    run.folder.mkdir()
    run.write_history([{"epoch": 1, "step": 3, "squared_distance_0/stage.conv": 0.1}])
    dataset = _history(run)  # whose names may hold no "/", which parts groups there
    dataset.to_netcdf(tmp_path / "history.nc", engine="h5netcdf")
    kept = xr.load_dataset(tmp_path / "history.nc", engine="h5netcdf")
    assert kept["squared_distance_0:stage.conv"].sel(epoch=1) == 0.1
