from functools import partial

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from lossatlas import measures

ALPHA = np.linspace(-1, 1, 41)
SPLIT = ["train", "test"]


def valley(steepness: float, split: int) -> np.ndarray:
    return steepness * abs(ALPHA) + split


@pytest.fixture
def line() -> xr.Dataset:
    """Wedges: two networks, three directions, the test loss one higher than the train loss."""
    loss = np.array([[[valley(net * way, s) for s in (0, 1)] for way in (1, 2, 3)] for net in (1, 2)])
    coords = {"batch_size": [16, 164], "split": SPLIT, "alpha": ALPHA}
    return xr.Dataset({"loss": (("batch_size", "direction", "split", "alpha"), loss)}, coords)


def test_width_keeps_the_sweep_and_the_directions(line: xr.Dataset) -> None:
    widths = measures.width(line, level=0.9)
    assert widths.dims == ("batch_size", "direction")
    np.testing.assert_allclose(widths, [[1.8, 0.9, 0.6], [0.9, 0.45, 0.3]])
    assert not widths["open"].any()


def test_width_reads_the_split_that_it_is_told(line: xr.Dataset) -> None:
    widths = measures.width(line, level=1.5, split="test")
    np.testing.assert_allclose(widths[0], [1.0, 0.5, 1 / 3])


def test_width_marks_what_reaches_the_end_of_the_line(line: xr.Dataset) -> None:
    widths = measures.width(line, level=1.5)
    np.testing.assert_array_equal(widths["open"], [[True, False, False], [False, False, False]])


def test_width_around_several_points_tells_them_apart_by_a_dimension() -> None:
    """Valleys of slope 2 around 0 and slope 10 around 1."""
    alpha = np.linspace(-0.5, 1.5, 201)
    loss = np.minimum(2 * abs(alpha), 10 * abs(alpha - 1))[None]
    path = xr.Dataset({"loss": (("split", "alpha"), loss)}, {"alpha": alpha, "split": ["train"]})
    widths = measures.width(path, level=0.5, around=[0, 1])
    assert widths["around"].values.tolist() == [0, 1]
    np.testing.assert_allclose(widths, [0.5, 0.1])


def test_area_is_that_of_each_surface_of_the_sweep() -> None:
    radii = xr.DataArray([0.4, 0.8], coords={"batch_size": [164, 16]})
    x = xr.DataArray(ALPHA, coords={"x": ALPHA})
    y = xr.DataArray(ALPHA, coords={"y": ALPHA})
    loss = (np.hypot(x, y) / radii).expand_dims(split=["train"])
    areas = measures.area(xr.Dataset({"loss": loss}), level=1.0)
    np.testing.assert_allclose(areas, np.pi * radii**2, rtol=5e-3)


def test_rise_is_the_mean_over_directions_of_the_loss_above_the_centre(line: xr.Dataset) -> None:
    rises = measures.rise(line, beyond=0.3, split="test")
    assert abs(rises["alpha"].values).min() == pytest.approx(0.3)
    np.testing.assert_allclose(rises.sel(batch_size=164), 4 * abs(rises["alpha"].values))
    assert measures.rise(line.assign(loss=line["loss"].assign_attrs(units="percent"))).units == "%"


def test_rise_keeps_what_is_missing_in_any_direction_missing(line: xr.Dataset) -> None:
    line["loss"][0, 1, :, 0] = np.nan
    rises = measures.rise(line)
    assert np.isnan(rises[0, 0])
    assert np.isfinite(rises[0, 1:]).all()
    assert np.isfinite(rises[1]).all()


def test_rise_needs_the_centre_and_something_beyond_the_bound(line: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"the loss at alpha = 0 is needed; the nearest surveyed point is"):
        measures.rise(line.isel(alpha=slice(0, 10)))
    with pytest.raises(ValueError, match=r"no surveyed point has abs\(alpha\) >= 2; alpha spans \[-1, 1\]"):
        measures.rise(line, beyond=2)


def test_a_name_that_is_not_there_is_answered_with_those_that_are(line: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"no 'error' in the dataset; it has \['loss'\]"):
        measures.width(line, level=1, variable="error")
    with pytest.raises(ValueError, match=r"split has no 'validation'; it has \['train', 'test'\]"):
        measures.width(line, level=1, split="validation")
    with pytest.raises(ValueError, match="no dimension 'x'; there are"):
        measures.area(line, level=1)


def test_a_bump_is_measured_from_the_worse_end() -> None:
    """Of either end in turn, and negative where the middle is the better network."""
    lines = [[1.0, 9.0, 4.0, 9.0, 2.0], [2.0, 0.0, 4.0, 0.0, 1.0], [3.0, 0.0, 1.0, 0.0, 2.0]]
    axes = {"member": [0, 1, 2], "split": ["test"], "alpha": [0.0, 0.25, 0.5, 0.75, 1.0]}
    errors = xr.Dataset({"error": (list(axes), np.array(lines)[:, None] / 100)}, axes)
    found = measures.percent(measures.bump(errors))
    np.testing.assert_allclose(found, [2.0, 2.0, -2.0])
    assert (found.attrs["long_name"], found.attrs["units"]) == (
        "test error halfway less at the worse end",
        "%",
    )
    with pytest.raises(ValueError, match=r"alpha has no 0\.5; it has \[0\.0, 1\.0\]"):
        measures.bump(errors.sel(alpha=[0.0, 1.0]))


def test_a_change_is_that_to_the_next_place_of_every_network() -> None:
    """Places need not be evenly apart; the losses of the second network fall throughout."""
    axes = {"seed": [0, 1], "epoch": [1, 2, 5, 9]}
    losses = [[3.0, 1.0, 2.5, 0.5], [4.0, 3.0, 2.0, np.nan]]
    history = xr.DataArray(losses, axes)
    found = measures.change(history, along="epoch", after=[2, 5])
    np.testing.assert_allclose(found, [[1.5, -2.0], [-1.0, np.nan]])
    assert found.epoch.values.tolist() == [2, 5]
    for place in (9, 3):
        with pytest.raises(ValueError, match=rf"epoch has no {place} with another after it"):
            measures.change(history, along="epoch", after=[place])


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


@pytest.mark.parametrize(
    ("among", "log"), [(None, False), (None, True), ([8, 14, 20], True), ([20, 8, 14], True)]
)
def test_a_slope_is_scipys_for_each_seed(among: list[int] | None, log: bool) -> None:
    slopes = measures.slope(ERRORS, along="depth", among=among, log=log)
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
        slopes = measures.slope(values, along="depth")
        assert np.isnan(slopes.sel(skip=True, seed=2))
        assert np.isfinite(slopes).sum() == 9


def test_a_slope_needs_two_numbers() -> None:
    words = xr.DataArray([1.0, 2.0], {"model": ["mlp", "lenet"]})
    with pytest.raises(ValueError, match=r"slope needs an axis of numbers; model has \['mlp', 'lenet'\]"):
        measures.slope(words, along="model")
    with pytest.raises(ValueError, match=r"slope needs two values of depth or more; it has \[8\]"):
        measures.slope(ERRORS, along="depth", among=[8])
    with pytest.raises(ValueError, match=r"slope against a logarithm needs positive values; seed has \[0, 1"):
        measures.slope(ERRORS, along="seed", log=True)
    with pytest.raises(ValueError, match=r"no dimension 'width'; there are \['depth', 'skip', 'seed'\]"):
        measures.slope(ERRORS, along="width")
    with pytest.raises(ValueError, match=r"depth has no 110; it has \[8, 14, 20, 56\]"):
        measures.slope(ERRORS, along="depth", among=[8, 110])


SECONDS = xr.DataArray(
    np.random.default_rng(3).normal(size=(2, 5, 4)) + np.array([0, 1, 3, 10]),
    {"model": ["wide", "deep"], "seed": range(5), "checkpoints": [0, 1, 3, 10]},
    attrs={"long_name": "time of a step", "units": "s"},
)


@pytest.mark.parametrize("among", [None, [0, 3, 10], [10, 1, 0, 3]])
def test_it_is_the_square_of_scipys_correlation_for_each_seed(among: list[int] | None) -> None:
    found = measures.linearity(SECONDS, along="checkpoints", among=among)
    assert found.dims == ("model", "seed")
    taken = SECONDS.sel(checkpoints=among or [0, 1, 3, 10], model="deep", seed=2)
    assert found.sel(model="deep", seed=2) == pytest.approx(
        stats.linregress(taken.checkpoints, taken).rvalue ** 2
    )
    assert found.attrs["long_name"] == "share of time of a step that is linear in checkpoints"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_it_is_unknown_where_a_value_is(bad: float) -> None:
    seconds = SECONDS.copy()
    seconds.loc[{"checkpoints": 3, "model": "wide", "seed": 1}] = bad
    found = measures.linearity(seconds, along="checkpoints")
    assert np.isnan(found.sel(model="wide", seed=1))
    assert np.isfinite(found).sum() == 9


def test_it_is_unknown_where_a_value_is_only_a_bound_or_nothing_varies() -> None:
    bounded = SECONDS.assign_coords(open=(SECONDS.dims, SECONDS.values > SECONDS.values.max() - 1e-9))
    assert np.isfinite(measures.linearity(bounded, along="checkpoints")).sum() == 9
    assert np.isnan(measures.linearity(0 * SECONDS, along="checkpoints")).all()


def test_an_axis_of_words_or_of_two_values_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a line fits two values always; checkpoints has \[0, 1\]"):
        measures.linearity(SECONDS, along="checkpoints", among=[0, 1])
    with pytest.raises(ValueError, match="a line needs an axis of numbers; model has"):
        measures.linearity(SECONDS, along="model")


EPOCHS = np.arange(1, 9)


def courses(**arms: list[float]) -> xr.DataArray:
    """Values over ``arm`` and ``epoch``."""
    return xr.DataArray(
        list(arms.values()),
        coords={"arm": list(arms), "epoch": EPOCHS},
        dims=("arm", "epoch"),
        attrs={"long_name": "squared_distance"},
    )


wide_passes_narrow = partial(
    measures.crossover, along="epoch", ahead={"arm": "wide"}, behind={"arm": "narrow"}
)


def test_an_exponential_passes_a_line_where_it_exceeds_it() -> None:
    """2^(t-1) > 3t first at t = 5: 16 against 15."""
    found = wide_passes_narrow(courses(wide=list(2.0 ** (EPOCHS - 1)), narrow=list(3.0 * EPOCHS)))
    assert found.dims == ()
    assert (float(found), bool(found.open)) == (5.0, False)
    assert found.attrs["long_name"] == (
        "epoch from which on squared distance is greater at arm wide than at arm narrow"
    )


def test_of_several_crossings_the_last_one_counts() -> None:
    of = courses(wide=[0, 2, 0, 0, 2, 2, 2, 2], narrow=[1.0] * 8)
    assert float(wide_passes_narrow(of)) == 5.0


def test_one_that_is_ahead_from_the_beginning_is_so_from_the_first_place() -> None:
    assert float(wide_passes_narrow(courses(wide=[2.0] * 8, narrow=[1.0] * 8))) == 1.0


@pytest.mark.parametrize("wide", [[0.0] * 8, [0, 2, 2, 2, 2, 2, 2, 1.0]])
def test_one_that_is_not_ahead_at_the_end_overtakes_there_at_the_earliest(wide: list[float]) -> None:
    """A tie at the last place is not ahead either."""
    found = wide_passes_narrow(courses(wide=wide, narrow=[1.0] * 8))
    assert (float(found), bool(found.open)) == (8.0, True)


def test_places_that_one_arm_does_not_know_are_left_out() -> None:
    """Such as the epochs before the checkpoint, and those after the end of a shorter training."""
    nan = float("nan")
    found = wide_passes_narrow(
        courses(wide=[nan, 0, 2, 2, 2, 2, nan, nan], narrow=[5, 1, 1, 1, 1, 1, 9, 9.0])
    )
    assert (float(found), bool(found.open)) == (3.0, False)
    empty = wide_passes_narrow(courses(wide=[nan] * 8, narrow=[1.0] * 8))
    assert np.isnan(float(empty))
    assert not bool(empty.open)


def test_each_seed_has_its_own() -> None:
    line = xr.DataArray(np.linspace(0, 7, 8), coords={"epoch": EPOCHS})
    starts = xr.DataArray([[2.5, 4.5], [0.0, 0.0]], coords={"arm": ["narrow", "wide"], "seed": [0, 1]})
    steepness = xr.DataArray([0.0, 1.0], coords={"arm": ["narrow", "wide"]})
    found = wide_passes_narrow(starts + steepness * line)
    np.testing.assert_array_equal(found, [4.0, 6.0])


def test_a_crossover_needs_the_dimension() -> None:
    with pytest.raises(ValueError, match=r"no dimension 'step'; there are \['arm', 'epoch'\]"):
        measures.crossover(courses(a=[0.0] * 8), along="step", ahead={"arm": "a"}, behind={"arm": "a"})


def losses_of_ends() -> xr.DataArray:
    """Losses that halve each epoch, from 1 and from 2."""
    losses = [[start * 0.5**epoch for epoch in range(5)] for start in (1.0, 2.0)]
    return xr.DataArray(losses, {"seed": [0, 1], "epoch": range(5)}, name="train_loss")


def test_it_is_the_first_epoch_below_the_networks_own_level() -> None:
    """0.25 is the first power of a half below 0.3; 0.125 is not below 0.01."""
    level = xr.DataArray([0.3, 0.01], {"seed": [0, 1]}, name="saddle_loss")
    found = measures.first_below(losses_of_ends(), level, along="epoch")
    assert found.dims == ("seed",)
    np.testing.assert_array_equal(found, [2.0, np.nan])
    assert found.attrs["long_name"] == "first epoch at which train loss is below saddle loss"


def test_a_curve_that_rises_again_counts_from_the_first_time() -> None:
    losses = xr.DataArray([3.0, 1.0, 4.0, 0.5], {"epoch": [1, 2, 3, 4]})
    assert float(measures.first_below(losses, xr.DataArray(2.0), along="epoch")) == 2.0


def test_without_a_level_there_is_no_crossing() -> None:
    level = xr.DataArray([np.nan, np.nan], {"seed": [0, 1]})
    assert measures.first_below(losses_of_ends(), level, along="epoch").isnull().all()
    with pytest.raises(ValueError, match="no dimension 'step'; there are"):
        measures.first_below(losses_of_ends(), level, along="step")
