import numpy as np
import pytest
import xarray as xr

from lossatlas.claims.selection import average, describe, select


@pytest.fixture
def sparse() -> xr.DataArray:
    """Two sweeps gathered: batch size 82 is of the second model alone."""
    values = [[1.0, np.nan, 3.0], [5.0, 7.0, np.nan]]
    return xr.DataArray(values, {"model": ["vgg9", "resnet"], "batch_size": [16, 82, 164]})


def test_one_value_takes_its_dimension_away_and_listed_ones_keep_it(sparse: xr.DataArray) -> None:
    chosen = select(sparse, {"model": "vgg9", "batch_size": [164, 16]})
    assert chosen.dims == ("batch_size",)
    assert chosen["batch_size"].values.tolist() == [164, 16]
    assert chosen.values.tolist() == [3.0, 1.0]


def test_a_mean_over_listed_values_is_one_over_networks_that_a_sweep_has(sparse: xr.DataArray) -> None:
    assert np.isnan(average(select(sparse, {"model": "vgg9"}), ["batch_size"]))
    assert average(select(sparse, {"model": "vgg9", "batch_size": [16, 164]}), ["batch_size"]) == 2.0


def test_floats_of_a_list_match_though_they_come_from_other_files() -> None:
    errors = xr.DataArray([1.0, 2.0], {"weight_decay": [0.0, 0.3]})
    assert select(errors, {"weight_decay": [0.1 + 0.2]}).values.tolist() == [2.0]


def test_a_value_of_a_list_that_is_not_there_is_named(sparse: xr.DataArray) -> None:
    with pytest.raises(ValueError, match=r"batch_size has no 128; it has \[16, 82, 164\]"):
        select(sparse, {"batch_size": [16, 128]})


def test_listed_values_are_told_one_after_the_other() -> None:
    assert (
        describe({"batch_size": [16, 164], "weight_decay": 5e-4})
        == "batch size 16 and 164, weight decay 0.0005"
    )
