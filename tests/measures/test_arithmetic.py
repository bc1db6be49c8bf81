import numpy as np
import pytest
import xarray as xr
from scipy import stats

from lossatlas import measures

RNG = np.random.default_rng(0)
DEPTHS = [8, 14, 20, 56]
ERRORS = xr.DataArray(
    RNG.normal(size=(4, 2, 5)),
    {"depth": DEPTHS, "skip": [False, True], "seed": range(5)},
    attrs={"long_name": "error", "units": "%"},
)


def with_bound(values: xr.DataArray, **at: object) -> xr.DataArray:
    is_open = xr.zeros_like(values, dtype=bool)
    is_open.loc[at] = True
    return values.assign_coords(open=is_open)


def test_spread_is_numpys_deviation_of_a_sample() -> None:
    spreads = measures.spread(ERRORS, over="seed")
    np.testing.assert_allclose(spreads, np.std(ERRORS.values, axis=2, ddof=1))
    assert spreads.attrs == {"long_name": "spread over seeds of error", "units": "%"}
    assert np.isnan(measures.spread(ERRORS.isel(seed=[0]), over="seed")).all()
    with pytest.raises(ValueError, match="no dimension 'direction' to spread over"):
        measures.spread(ERRORS, over="direction")


def test_a_mean_of_lower_bounds_is_one_and_a_spread_of_them_is_not_known() -> None:
    bound = with_bound(ERRORS, depth=8, skip=True, seed=0)
    means = measures.mean(bound, "depth", "skip")
    np.testing.assert_allclose(means, ERRORS.values.mean((0, 1)))
    assert means["open"].values.tolist() == [True, False, False, False, False]
    assert np.isnan(measures.spread(bound, over="depth")).sum() == 1


def test_a_difference_is_first_less_second_in_what_they_share() -> None:
    gap = measures.difference(ERRORS, first={"skip": False, "depth": 56}, second={"skip": True, "depth": 8})
    np.testing.assert_array_equal(gap, ERRORS.values[3, 0] - ERRORS.values[0, 1])
    assert gap.attrs["long_name"] == "error at skip False, depth 56 less at skip True, depth 8"
    size = measures.difference(ERRORS, first={"skip": True}, second={"skip": False}, absolute=True)
    np.testing.assert_array_equal(size, abs(ERRORS.values[:, 1] - ERRORS.values[:, 0]))


def test_between_networks_and_between_directions_can_be_compared() -> None:
    """Spread over directions relative to the gap between two networks, as one number a seed."""
    widths = xr.DataArray(
        [[[1.0, 2.0, 3.0]], [[11.0, 12.0, 13.0]]],
        {"batch_size": [164, 16], "seed": [0], "direction": range(3)},
    )
    means = measures.mean(widths, "direction")
    gap = measures.difference(means, first={"batch_size": 16}, second={"batch_size": 164})
    found = measures.ratio(measures.spread(widths, over="direction"), gap)
    np.testing.assert_allclose(found, [[0.1], [0.1]])


def test_log10_keeps_bounds_and_infinities_and_loses_what_is_not_positive() -> None:
    values = xr.DataArray([1000.0, np.inf, 0.0, -1.0], {"open": ("x", [True, False, False, False])}, "x")
    logs = measures.log10(values)
    np.testing.assert_array_equal(logs, [3.0, np.inf, np.nan, np.nan])
    assert logs["open"].values.tolist() == [True, False, False, False]


def area(offset: float, *, is_open: bool | None = None) -> xr.DataArray:
    values = xr.DataArray(
        [offset, offset + 10], coords={"seed": [0, 1]}, attrs={"long_name": "area", "units": "α²"}
    )
    return values if is_open is None else values.assign_coords(open=("seed", [is_open, False]))


def test_measures_lie_along_the_new_dimension_in_their_order() -> None:
    values = measures.stacked(area(1.0), area(5.0), area(3.0), over="plane")
    assert values.dims == ("seed", "plane")
    assert values.values.tolist() == [[1, 5, 3], [11, 15, 13]]
    assert (values.attrs["long_name"], values.attrs["units"]) == ("area", "α²")


def test_their_spread_is_the_standard_deviation_over_them() -> None:
    planes = measures.stacked(area(1.0), area(5.0), area(3.0), over="plane")
    np.testing.assert_allclose(measures.spread(planes, over="plane"), [2.0, 2.0])


def test_lower_bounds_stay_lower_bounds() -> None:
    values = measures.stacked(area(1.0), area(2.0, is_open=True), over="plane")
    assert values["open"].transpose(*values.dims).values.tolist() == [[False, True], [False, False]]


def test_bounds_that_are_alike_lie_along_the_new_dimension_too() -> None:
    values = measures.stacked(area(1.0, is_open=True), area(2.0, is_open=True), over="plane")
    assert values["open"].transpose(*values.dims).values.tolist() == [[True, True], [False, False]]


def test_no_measure_and_a_dimension_that_is_taken_are_refused() -> None:
    with pytest.raises(ValueError, match="stacked needs an array"):
        measures.stacked(over="plane")
    with pytest.raises(ValueError, match=r"have a dimension 'seed' already: \['seed'\]"):
        measures.stacked(area(1.0), over="seed")


def test_deviation_is_the_distance_of_each_seed_from_the_median_of_those_there_are() -> None:
    errors = ERRORS.where(ERRORS.seed != 4)
    found = measures.deviation(errors, over="seed")
    expected = np.abs(errors.values - np.nanmedian(errors.values, axis=2, keepdims=True))
    np.testing.assert_allclose(found.transpose(*ERRORS.dims), expected)
    assert found.attrs == {"long_name": "distance from the median error", "units": "%"}
    with pytest.raises(ValueError, match="no dimension 'direction' to deviate over"):
        measures.deviation(ERRORS, over="direction")


def test_distances_from_the_median_are_those_of_scipys_test_of_brown_and_forsythe() -> None:
    """Whose statistic is the analysis of variance of these distances."""
    one, two = ERRORS.values[0, 0], ERRORS.values[1, 1]
    distances = [measures.deviation(xr.DataArray(x, dims="seed"), over="seed").values for x in (one, two)]
    expected = stats.f_oneway(*distances)
    assert stats.levene(one, two, center="median").statistic == pytest.approx(expected.statistic)
