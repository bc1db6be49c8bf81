from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex

from lossatlas.figures.experiments import path_profiles
from lossatlas.figures.style import colors_of

METHODS, T = ["segment", "bezier"], np.linspace(0, 1, 5)


def datasets() -> dict[str, xr.Dataset]:
    """Of three seeds, whose losses are 0, 1 and 2 above that of the first."""
    bump = xr.DataArray([4 * T * (1 - T), 0 * T], {"method": METHODS, "t": T}, ("method", "t"))
    seeds = xr.DataArray([0.0, 1.0, 2.0], {"seed": [0, 1, 2]}, ("seed",))
    loss = (bump + seeds).expand_dims(split=["train", "test"])
    return {"path": xr.Dataset({"loss": loss, "error": loss / 10})}


PANELS: dict[str, Any] = {
    "loss": {"variable": "loss"},
    "test error (%)": {"variable": "error", "split": "test", "scale": 100},
}


def test_each_panel_shows_the_median_over_seeds_of_each_method() -> None:
    page = path_profiles(datasets(), panels=PANELS, colors="method")
    loss, error = page.axes
    assert [axis.get_ylabel() for axis in (loss, error)] == list(PANELS)
    for shade, bump in zip(colors_of(METHODS), (4 * T * (1 - T), 0 * T), strict=True):
        (line,) = [line for line in loss.lines if to_hex(line.get_color()) == to_hex(shade)]
        np.testing.assert_allclose(line.get_ydata(), bump + 1)
        (line,) = [line for line in error.lines if to_hex(line.get_color()) == to_hex(shade)]
        np.testing.assert_allclose(line.get_ydata(), 10 * (bump + 1))


def test_methods_are_named_in_the_order_in_which_they_are_chosen() -> None:
    names = {"method": {"segment": "straight line", "bezier": "Bezier curve"}}
    page = path_profiles(
        datasets(), panels=PANELS, colors="method", at={"method": ["bezier", "segment"]}, names=names
    )
    labels = [text.get_text() for text in page.legends[0].get_texts()]
    assert labels == ["Bezier curve", "straight line"]


def test_panels_may_share_one_scale() -> None:
    loss, error = path_profiles(datasets(), panels=PANELS, colors="method", shared=True).axes
    assert loss.get_ylim() == error.get_ylim()
    loss, error = path_profiles(datasets(), panels=PANELS, colors="method").axes
    assert loss.get_ylim() != error.get_ylim()


def test_panels_may_be_of_different_networks() -> None:
    panels = {method: {"variable": "loss", "at": {"method": method}} for method in METHODS}
    segment, bezier = path_profiles(datasets(), panels=panels).axes
    for axis, bump in ((segment, 4 * T * (1 - T)), (bezier, 0 * T)):
        (line,) = axis.lines
        np.testing.assert_allclose(line.get_ydata(), bump + 1)


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"'path' has no 'nll'; it has \['error', 'loss'\]"):
        path_profiles(datasets(), panels={"nll": {"variable": "nll"}})
    with pytest.raises(ValueError, match=r"the figure needs the dataset 'path'; there are \[\]"):
        path_profiles({}, panels=PANELS)
    with pytest.raises(ValueError, match="the sweep has no axis 'depth'"):
        path_profiles(datasets(), panels=PANELS, colors="depth")
