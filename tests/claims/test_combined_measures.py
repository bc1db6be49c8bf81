import numpy as np
import pytest
import xarray as xr
from scipy import stats

from lossatlas.claims import measures
from lossatlas.claims.measures import Measure

RNG = np.random.default_rng(0)
DEPTHS = [8, 14, 20, 56]
ERRORS = xr.DataArray(
    RNG.normal(size=(4, 2, 5)),
    {"depth": DEPTHS, "skip": [False, True], "seed": range(5)},
    attrs={"long_name": "error", "units": "%"},
)


def given(values: xr.DataArray) -> Measure:
    return lambda datasets: values


def with_bound(values: xr.DataArray, **at: object) -> xr.DataArray:
    is_open = xr.zeros_like(values, dtype=bool)
    is_open.loc[at] = True
    return values.assign_coords(open=is_open)


@pytest.mark.parametrize(
    ("among", "log"), [(None, False), (None, True), ([8, 14, 20], True), ([20, 8, 14], True)]
)
def test_a_slope_is_scipys_for_each_seed(among: list[int] | None, log: bool) -> None:
    slopes = measures.slope({}, of=given(ERRORS), along="depth", among=among, log=log)
    assert slopes.dims == ("skip", "seed")
    taken = ERRORS.sel(depth=among or DEPTHS)
    places = np.log(taken.depth) if log else taken.depth
    expected = stats.linregress(places, taken.sel(skip=True, seed=3)).slope
    assert slopes.sel(skip=True, seed=3) == pytest.approx(expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_slope_over_what_is_not_known_is_not_known(bad: float) -> None:
    errors = ERRORS.copy()
    errors.loc[{"depth": 14, "skip": True, "seed": 2}] = bad
    bound = with_bound(ERRORS, depth=14, skip=True, seed=2)
    for values in (errors, bound):
        slopes = measures.slope({}, of=given(values), along="depth")
        assert np.isnan(slopes.sel(skip=True, seed=2))
        assert np.isfinite(slopes).sum() == 9


def test_a_slope_needs_two_numbers() -> None:
    words = xr.DataArray([1.0, 2.0], {"model": ["mlp", "lenet"]})
    with pytest.raises(ValueError, match=r"slope needs an axis of numbers; model has \['mlp', 'lenet'\]"):
        measures.slope({}, of=given(words), along="model")
    with pytest.raises(ValueError, match=r"slope needs two values of depth or more; it has \[8\]"):
        measures.slope({}, of=given(ERRORS), along="depth", among=[8])
    with pytest.raises(ValueError, match=r"slope against a logarithm needs positive values; seed has \[0, 1"):
        measures.slope({}, of=given(ERRORS), along="seed", log=True)
    with pytest.raises(ValueError, match=r"no dimension 'width'; there are \['depth', 'skip', 'seed'\]"):
        measures.slope({}, of=given(ERRORS), along="width")
    with pytest.raises(ValueError, match=r"depth has no 110; it has \[8, 14, 20, 56\]"):
        measures.slope({}, of=given(ERRORS), along="depth", among=[8, 110])


def test_spread_is_numpys_deviation_of_a_sample() -> None:
    spreads = measures.spread({}, of=given(ERRORS), over="seed")
    np.testing.assert_allclose(spreads, np.std(ERRORS.values, axis=2, ddof=1))
    assert spreads.attrs == {"long_name": "spread over seeds of error", "units": "%"}
    assert np.isnan(measures.spread({}, of=given(ERRORS.isel(seed=[0])), over="seed")).all()
    with pytest.raises(ValueError, match="no dimension 'direction' to spread over"):
        measures.spread({}, of=given(ERRORS), over="direction")


def test_a_mean_of_lower_bounds_is_one_and_a_spread_of_them_is_not_known() -> None:
    bound = with_bound(ERRORS, depth=8, skip=True, seed=0)
    means = measures.mean({}, of=given(bound), over=["depth", "skip"])
    np.testing.assert_allclose(means, ERRORS.values.mean((0, 1)))
    assert means["open"].values.tolist() == [True, False, False, False, False]
    assert np.isnan(measures.spread({}, of=given(bound), over="depth")).sum() == 1


def test_a_difference_is_first_less_second_in_what_they_share() -> None:
    gap = measures.difference(
        {}, of=given(ERRORS), first={"skip": False, "depth": 56}, second={"skip": True, "depth": 8}
    )
    np.testing.assert_array_equal(gap, ERRORS.values[3, 0] - ERRORS.values[0, 1])
    assert gap.attrs["long_name"] == "error at skip False, depth 56 less at skip True, depth 8"
    size = measures.difference(
        {}, of=given(ERRORS), first={"skip": True}, second={"skip": False}, absolute=True
    )
    np.testing.assert_array_equal(size, abs(ERRORS.values[:, 1] - ERRORS.values[:, 0]))


def test_between_networks_and_between_directions_can_be_compared() -> None:
    """Spread over directions relative to the gap between two networks, as one number a seed."""
    widths = xr.DataArray(
        [[[1.0, 2.0, 3.0]], [[11.0, 12.0, 13.0]]],
        {"batch_size": [164, 16], "seed": [0], "direction": range(3)},
    )
    of_means: Measure = lambda datasets: measures.mean({}, of=given(widths), over="direction")  # noqa: E731
    gap: Measure = lambda datasets: measures.difference(  # noqa: E731
        {}, of=of_means, first={"batch_size": 16}, second={"batch_size": 164}
    )
    found = measures.ratio(
        {}, of=lambda datasets: measures.spread({}, of=given(widths), over="direction"), to=gap
    )
    np.testing.assert_allclose(found, [[0.1], [0.1]])


def test_log10_keeps_bounds_and_infinities_and_loses_what_is_not_positive() -> None:
    values = xr.DataArray([1000.0, np.inf, 0.0, -1.0], {"open": ("x", [True, False, False, False])}, "x")
    logs = measures.log10({}, of=given(values))
    np.testing.assert_array_equal(logs, [3.0, np.inf, np.nan, np.nan])
    assert logs["open"].values.tolist() == [True, False, False, False]
