import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.style import ERROR, LOSS

ALPHA = np.linspace(-1, 1, 5)


@pytest.fixture
def axis() -> Axes:
    return Figure().subplots()


def replicates(*rows: list[float]) -> xr.DataArray:
    return xr.DataArray(np.array(rows, float), {"alpha": ALPHA}, ("seed", "alpha"))


def test_a_shaded_band_draws_the_median_and_the_range_over_all_replicates(axis: Axes) -> None:
    values = replicates([0, 1, 2, 3, 4], [10, 1, 2, 3, 4], [2, 5, 2, 3, -4])
    panels.shaded_band(axis, values, "alpha", color="k")
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), [2, 1, 2, 3, 4])
    (band,) = axis.collections
    heights = band.get_paths()[0].vertices
    assert (heights[:, 1].min(), heights[:, 1].max()) == (-4, 10)


def test_a_shaded_band_pools_directions_and_seeds(axis: Axes) -> None:
    values = xr.concat([replicates([1] * 5, [2] * 5), replicates([3] * 5, [6] * 5)], "direction")
    panels.shaded_band(axis, values, "alpha", color="k")
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), [2.5] * 5)


def test_a_replicate_that_was_not_surveyed_does_not_count(axis: Axes) -> None:
    panels.shaded_band(axis, replicates([1] * 5, [np.nan] * 5), "alpha", color="k")
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), [1] * 5)
    assert not axis.collections  # one replicate has no range


@pytest.mark.parametrize("beyond", [np.nan, np.inf])
def test_values_beyond_float_range_are_gaps(axis: Axes, beyond: float) -> None:
    panels.shaded_band(axis, replicates([beyond, 1, 2, 1, beyond]), "alpha", color="k")
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), [np.nan, 1, 2, 1, np.nan])


def test_a_shaded_band_of_nothing_draws_nothing(axis: Axes) -> None:
    panels.shaded_band(axis, replicates([np.nan] * 5), "alpha", color="k")
    assert not axis.lines


@pytest.fixture
def profile() -> xr.Dataset:
    loss = np.stack([ALPHA**2, 20 * ALPHA**2])
    coords = {"split": ["train", "test"], "alpha": ALPHA}
    return xr.Dataset({"loss": (("split", "alpha"), loss), "error": (("split", "alpha"), loss / 20)}, coords)


def test_loss_stands_left_and_error_in_percent_right_with_test_dashed(
    axis: Axes, profile: xr.Dataset
) -> None:
    right = panels.loss_and_error(axis, profile)
    assert [line.get_linestyle() for line in axis.lines] == ["-", "--"]
    assert {line.get_color() for line in axis.lines} == {LOSS}
    assert {line.get_color() for line in right.lines} == {ERROR}
    np.testing.assert_allclose(right.lines[1].get_ydata(), 100 * ALPHA**2)
    assert right.get_ylim() == (0, 100)


@pytest.mark.parametrize(("ceiling", "top"), [(10.0, 10.0), (50.0, 21.0), (None, 10.0), (np.inf, 21.0)])
def test_the_ceiling_cuts_only_what_goes_beyond_it(
    axis: Axes, profile: xr.Dataset, ceiling: float | None, top: float
) -> None:
    panels.loss_and_error(axis, profile, ceiling=ceiling)
    assert axis.get_ylim() == (0, pytest.approx(top))


@pytest.mark.parametrize(
    ("shift", "low", "top"),
    [(0.0, 0.0, 10.0), (4000.0, 0.0, 4021.0), (-30.0, -31.0, -9.0), (-5.0, -6.0, 10.0)],
)
def test_losses_of_any_size_lie_within_the_axis(
    axis: Axes, profile: xr.Dataset, shift: float, low: float, top: float
) -> None:
    """Of 0 to 20 and a shift: the axis ends at 10 where that cuts off something and leaves something to see."""
    panels.losses(axis, profile + shift)
    assert axis.get_ylim() == (pytest.approx(low), pytest.approx(top))


def test_what_is_drawn_goes_up_to_the_power_of_ten_above_twice_the_lowest(
    axis: Axes, profile: xr.Dataset
) -> None:
    panels.losses(axis, 1000 * profile + 4000)
    assert axis.get_ylim() == (0.0, 10_000.0)


def test_negative_losses_have_no_log_scale(axis: Axes, profile: xr.Dataset) -> None:
    panels.losses(axis, profile - 30, log=True)
    assert axis.get_yscale() == "linear"
    assert axis.get_ylim() == (pytest.approx(-31.0), pytest.approx(-9.0))


def test_a_log_scale_leaves_out_a_loss_of_zero(axis: Axes, profile: xr.Dataset) -> None:
    panels.loss_and_error(axis, profile, log=True)
    assert axis.get_yscale() == "log"
    assert axis.get_ylim()[0] > 0.1
