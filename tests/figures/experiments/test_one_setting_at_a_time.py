"""Measures by several settings, of a sweep that varies one at a time."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from looking import assert_nothing_overlaps, panels_of

from lossatlas.figures.experiments import one_setting_at_a_time
from lossatlas.figures.style import LOSS

RATES, BATCHES = [0.02, 0.05, 0.1], [16, 32, 64]


def width(tunnel: xr.Dataset) -> xr.DataArray:
    return tunnel["radius"]


SETTINGS: dict[str, Any] = {
    "rate": {"rate": RATES, "batch_size": 32},
    "batch_size": {"rate": 0.05, "batch_size": BATCHES},
}


@pytest.fixture
def crossed() -> dict[str, xr.Dataset]:
    """Widths of five seeds, known along both arms of a cross alone."""
    coords = {"rate": RATES, "batch_size": BATCHES, "seed": range(5)}
    radius = xr.DataArray(np.arange(45.0).reshape(3, 3, 5), coords)
    known = (radius.rate == 0.05) | (radius.batch_size == 32)
    return {"tunnel": xr.Dataset({"radius": radius.where(known)})}


@pytest.mark.filterwarnings("error")
def test_a_panel_for_each_setting_has_the_dots_of_its_arm(crossed: dict[str, xr.Dataset]) -> None:
    page = one_setting_at_a_time(crossed, measures={"width": width}, settings=SETTINGS)
    by_rate, by_batch = panels_of(page)
    radius = crossed["tunnel"]["radius"]
    for axis, arm in ((by_rate, radius.sel(batch_size=32)), (by_batch, radius.sel(rate=0.05))):
        dots = np.concatenate(
            [line.get_ydata() for line in axis.lines if line.get_marker() == "o" and line.get_color() == LOSS]
        )
        np.testing.assert_allclose(np.sort(dots), np.sort(arm.values.ravel()))
    assert [axis.get_xlabel() for axis in (by_rate, by_batch)] == ["rate", "batch size"]
    assert [axis.get_ylabel() for axis in (by_rate, by_batch)] == ["width", ""]
    assert by_rate.get_ylim() == by_batch.get_ylim()
    assert_nothing_overlaps(page)


def test_each_measure_has_a_row_with_a_scale_of_its_own(crossed: dict[str, xr.Dataset]) -> None:
    both = {"width": width, "ten times as much": lambda tunnel: 10 * width(tunnel)}
    first, second, third, fourth = panels_of(one_setting_at_a_time(crossed, measures=both, settings=SETTINGS))
    assert first.get_ylim() == second.get_ylim()
    assert third.get_ylim() == fourth.get_ylim()
    assert third.get_ylim()[1] > 5 * first.get_ylim()[1]
    assert [first.get_ylabel(), third.get_ylabel()] == ["width", "ten times as much"]


def test_a_figure_needs_a_measure_and_a_setting(crossed: dict[str, xr.Dataset]) -> None:
    for options in ({"measures": {}, "settings": SETTINGS}, {"measures": {"width": width}, "settings": {}}):
        with pytest.raises(ValueError, match=r"^the figure needs a measure and a setting to draw$"):
            one_setting_at_a_time(crossed, **options)  # type: ignore[arg-type]
