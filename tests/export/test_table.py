from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lossatlas.export import tables, to_csv


def test_a_row_is_a_point_and_is_read_back_to_the_last_bit(surface: xr.Dataset, tmp_path: Path) -> None:
    surface["loss"] = surface["loss"] / 3  # numbers with many digits
    (path,) = to_csv(surface, tmp_path / "surface.csv")
    read = pd.read_csv(path, dtype=str).astype(dict.fromkeys(("y", "x", "loss", "error"), float))
    assert list(read.columns) == ["split", "y", "x", "loss", "error"]
    back = read.set_index(["split", "y", "x"]).to_xarray()
    for name in ("loss", "error"):
        np.testing.assert_array_equal(back[name].sel(split=surface.split), surface[name])


def test_missing_and_infinite_values_are_read_back(line: xr.Dataset, tmp_path: Path) -> None:
    line["loss"][0, 0, 0], line["loss"][0, 0, 1] = np.nan, np.inf
    read = pd.read_csv(*to_csv(line, tmp_path / "line.csv"))
    assert np.isnan(read["loss"][0])
    assert np.isinf(read["loss"][1])


def test_what_lies_over_other_dimensions_has_a_file_of_its_own(tmp_path: Path) -> None:
    weights = xr.Dataset(
        {"density": ("bin", [0.1, 0.2, 0.3]), "norm": 2.0, "parameter_norm": ("parameter", [3.0, 4.0])},
        {"bin": [-1.0, 0.0, 1.0], "parameter": ["w", "b"]},
    )
    first, second = to_csv(weights, tmp_path / "weights.csv")
    assert (first.name, second.name) == ("weights.csv", "weights-parameter.csv")
    assert pd.read_csv(first).to_dict("list") == {
        "bin": [-1.0, 0.0, 1.0],
        "density": [0.1, 0.2, 0.3],
        "norm": [2.0, 2.0, 2.0],
    }
    assert pd.read_csv(second).to_dict("list") == {"parameter": ["w", "b"], "parameter_norm": [3.0, 4.0]}


def test_numbers_alone_are_one_row() -> None:
    assert tables(xr.Dataset({"trace": 3.0, "standard_error": 0.1}))["values"].to_dict("list") == {
        "trace": [3.0],
        "standard_error": [0.1],
    }


@pytest.mark.parametrize("dims", [("y", "x"), ("x", "y")])
def test_a_variable_over_some_of_the_dimensions_is_repeated(
    surface: xr.Dataset, dims: tuple[str, str]
) -> None:
    measured = xr.DataArray(np.arange(20).reshape(4, 5), {"y": surface.y, "x": surface.x}, ("y", "x"))
    (table,) = tables(surface.assign(measured=measured.transpose(*dims))).values()
    assert len(table) == 40
    row = table[(table.split == "test") & (table.y == 2.0) & (table.x == -1.0)]
    assert row["measured"].tolist() == [15]


def test_snapshots_are_not_repeated_for_each_split_or_draw() -> None:
    dims = {"path_x": ("snapshot",), "path_loss": ("split", "snapshot"), "random_x": ("draw", "snapshot")}
    sizes = {"split": 2, "draw": 3, "snapshot": 4, "y": 5, "x": 6}
    dims["loss"] = ("split", "y", "x")
    values = {name: (own, np.zeros([sizes[dim] for dim in own])) for name, own in dims.items()}
    assert {name: len(table) for name, table in tables(xr.Dataset(values)).items()} == {
        "split-y-x": 60,
        "draw-snapshot": 12,
        "split-snapshot": 8,
        "snapshot": 4,
    }
