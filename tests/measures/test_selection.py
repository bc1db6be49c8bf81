import numpy as np
import pytest
import xarray as xr

from lossatlas.measures.selection import after, at, average, describe, last, select


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


def test_last_is_the_last_epoch_even_if_it_is_missing() -> None:
    values = [[3.0, 5.0], [3.0, np.nan]]
    norms = last(xr.DataArray(values, dims=("seed", "epoch"), name="weight_norm"), "epoch")
    np.testing.assert_array_equal(norms, [5.0, np.nan])
    assert norms.attrs["long_name"] == "weight norm at the last epoch"


def test_at_keeps_what_the_values_are() -> None:
    about = {"long_name": "Keskar's sharpness", "units": "percent"}
    sharpness = xr.DataArray([[8.0, 2.0]], {"epsilon": [1e-3, 5e-4]}, ("seed", "epsilon"), attrs=about)
    values = at(sharpness, epsilon=0.0005)
    assert values.values.tolist() == [2.0]
    assert values.attrs == {"long_name": "Keskar's sharpness", "units": "%"}


def test_booleans_in_a_list_are_values_and_no_mask() -> None:
    errors = xr.DataArray([1.0, 2.0, 3.0], coords={"skip": [False, True, None]})
    assert at(errors, skip=[True, False]).values.tolist() == [2.0, 1.0]


def test_after_begins_beyond_a_place_and_ends_with_another() -> None:
    distances = xr.DataArray([np.nan, 2.0, 5.0], coords={"epoch": [20, 21, 22]}, name="squared_distance")
    part = after(distances, epoch=20, until=21)
    assert (part.epoch.values.tolist(), part.values.tolist()) == ([21], [2.0])
    assert part.attrs["long_name"] == "squared distance"
    with pytest.raises(ValueError, match=r"epoch has no place after 22, up to inf; it has \[20, 21, 22\]"):
        after(distances, epoch=22)
    with pytest.raises(ValueError, match=r"no dimension 'alpha'; there are \['epoch'\]"):
        after(distances, alpha=0)
