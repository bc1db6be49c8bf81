import numpy as np
import pytest
import xarray as xr
from looking import assert_nothing_overlaps, drawn_bytes, panels_of, words

from lossatlas.figures.experiments import loss_lines
from lossatlas.figures.style import colors_of

Sweep = dict[str, xr.Dataset]


def curve(axis, color: str, dashes: str) -> np.ndarray:
    (line,) = [one for one in axis.lines if (one.get_color(), one.get_linestyle()) == (color, dashes)]
    return np.asarray(line.get_ydata())


@pytest.mark.filterwarnings("error")
def test_a_panel_has_a_line_of_each_colour_and_split_the_median_over_seeds_and_directions(
    depths: Sweep,
) -> None:
    page = loss_lines(depths, columns="depth", colors="skip")
    assert len(panels_of(page)) == 3
    loss = depths["line"]["loss"]
    for axis, depth in zip(panels_of(page), [20, 56, 110], strict=True):
        for skip, color in zip([True, False], colors_of([True, False]), strict=True):
            cell = loss.sel(depth=depth, skip=skip).median(("seed", "direction"))
            np.testing.assert_allclose(curve(axis, color, "-"), cell.sel(split="train"))
            np.testing.assert_allclose(curve(axis, color, "--"), cell.sel(split="test"))
    assert_nothing_overlaps(page)


def test_under_a_panel_stands_the_test_error_of_each_colour(depths: Sweep) -> None:
    axis = panels_of(loss_lines(depths, columns="depth", colors="skip"))[1]
    shown = [(text.get_text(), text.get_color()) for text in axis.texts]
    errors = 100 * depths["summary"]["test_error"].sel(depth=56)
    cells = [errors.sel(skip=skip) for skip in (True, False)]
    expected = [f"test error {cell.mean():.2f} ± {cell.std(ddof=1):.2f} %" for cell in cells]
    assert shown == list(zip(expected, colors_of([True, False]), strict=True))


@pytest.mark.filterwarnings("error")
def test_several_landscapes_lie_in_rows_each_on_its_own_points(depths: Sweep) -> None:
    coarse = depths["line"].isel(alpha=slice(0, None, 2))
    depths["line_none"] = coarse.assign(loss=3 * coarse["loss"])
    names = {"landscape": {"line": "filter", "line_none": "not normalised"}}
    page = loss_lines(
        depths, columns="depth", colors="skip", landscapes=["line", "line_none"], names=names, ceiling=None
    )
    assert {"filter", "not normalised"} <= set(words(page))
    below = panels_of(page)[3]
    expected = coarse["loss"].sel(depth=20, skip=True, split="train").median(("seed", "direction"))
    np.testing.assert_allclose(curve(below, colors_of([True, False])[0], "-"), 3 * expected)
    assert below.get_ylim() == panels_of(page)[0].get_ylim()


def test_rows_whose_lines_reach_differently_far_have_ticks_of_their_own(depths: Sweep) -> None:
    depths["line_none"] = depths["line"].isel(alpha=slice(4, 11))
    page = loss_lines(depths, columns="depth", colors="skip", landscapes=["line", "line_none"])
    page.draw_without_rendering()
    above, below = panels_of(page)[0], panels_of(page)[3]
    assert below.get_xlim()[1] < 0.5 * above.get_xlim()[1]
    assert all(label.get_text() for axis in (above, below) for label in axis.get_xticklabels())
    assert above.xaxis.get_tick_params()["labelbottom"]


def test_landscapes_may_be_colours_of_the_same_networks(depths: Sweep) -> None:
    depths["line_none"] = depths["line"].assign(loss=3 * depths["line"]["loss"])
    page = loss_lines(
        depths, columns="depth", colors="landscape", landscapes=["line", "line_none"], at={"skip": True}
    )
    axis = panels_of(page)[0]
    filtered, plain = (curve(axis, color, "-") for color in colors_of(["line", "line_none"]))
    np.testing.assert_allclose(plain, 3 * filtered)
    assert len(axis.texts) == 1  # one error


@pytest.mark.filterwarnings("error")
def test_infinite_losses_are_gaps_and_missing_networks_named(depths: Sweep) -> None:
    loss = depths["line"]["loss"]
    depths["line"]["loss"] = loss.where(loss < 6, np.inf).where(loss.depth != 110)
    page = loss_lines(depths, columns="depth", colors="skip", log=True)
    assert ["not surveyed" in words(axis) for axis in panels_of(page)] == [False, False, True]
    assert np.isnan(curve(panels_of(page)[0], colors_of([True, False])[0], "-")).any()
    page.draw_without_rendering()


def test_the_ceiling_cuts_all_panels_alike(depths: Sweep) -> None:
    page = loss_lines(depths, columns="depth", colors="skip", ceiling=4.0)
    assert {axis.get_ylim() for axis in panels_of(page)} == {(0, 4)}


def test_it_is_drawn_twice_to_the_same_bytes(depths: Sweep) -> None:
    first, second = (drawn_bytes(loss_lines(depths, columns="depth", colors="skip")) for _ in range(2))
    assert first == second
