from functools import partial

import numpy as np
import pytest
import xarray as xr
from looking import assert_nothing_overlaps, drawn_bytes, panels_of, words

from lossatlas import measures
from lossatlas.figures.experiments import trends
from lossatlas.figures.style import colors_of

Sweep = dict[str, xr.Dataset]

area = partial(measures.area, level=0.6)


def error(summary: xr.Dataset) -> xr.DataArray:
    return measures.percent(summary["test_error"])


def draw(datasets: Sweep, **options):
    return trends(datasets, measures={"area": area, "test error": error}, along="depth", by="skip", **options)


def dots(axis, color: str, face: str | None = None) -> np.ndarray:
    """Places of the dots of a colour, (n, 2)."""
    found = [
        line.get_xydata()
        for line in axis.lines
        if line.get_color() == color
        and line.get_marker() == "o"
        and line.get_markerfacecolor() == (face or color)
    ]
    return np.concatenate(found)


@pytest.mark.filterwarnings("error")
def test_each_measure_has_a_panel_with_a_dot_a_seed_and_a_line_at_their_median(depths: Sweep) -> None:
    page = draw(depths)
    _, errors = panels_of(page)
    for skip, color in zip([True, False], colors_of([True, False]), strict=True):
        expected = measures.measured(error, depths).sel(skip=skip)
        np.testing.assert_allclose(dots(errors, color)[:, 1], expected.values.ravel())
        (line,) = [one for one in errors.lines if one.get_color() == color and one.get_marker() == "None"]
        np.testing.assert_allclose(line.get_ydata(), expected.median("seed"))
    assert [axis.get_ylabel() for axis in panels_of(page)] == ["area (α²)", "test error (%)"]
    assert [label.get_text() for label in errors.get_xticklabels()] == ["20", "56", "110"]
    assert errors.get_xlabel() == "depth"
    assert_nothing_overlaps(page)


def test_dots_stand_over_their_value_of_the_axis(depths: Sweep) -> None:
    _, errors = panels_of(draw(depths))
    places = dots(errors, colors_of([True, False])[1])[:, 0]
    np.testing.assert_array_equal(places, np.repeat([20, 56, 110], 5))


@pytest.mark.parametrize(
    ("values", "scale"),
    [([20, 56, 110], "linear"), ([0.001, 0.01, 0.1], "log"), ([0, 1, 10], "symlog"), ([2, 4, 6], "linear")],
)
def test_numbers_stand_where_they_are_and_the_axis_carries_them(
    depths: Sweep, values: list[float], scale: str
) -> None:
    depths["summary"] = depths["summary"].assign_coords(depth=values)
    (axis,) = panels_of(trends(depths, measures={"test error": error}, along="depth", by="skip"))
    assert axis.get_xscale() == scale
    assert [label.get_text() for label in axis.get_xticklabels()] == [f"{value:g}" for value in values]
    np.testing.assert_array_equal(axis.get_xticks(), values)


def test_dots_of_two_arms_stand_less_than_a_dot_apart_at_a_number(depths: Sweep) -> None:
    page = draw(depths)
    page.draw_without_rendering()
    axis = panels_of(page)[1]
    drawn = [
        next(line for line in axis.lines if line.get_color() == color) for color in colors_of([True, False])
    ]
    left, right = (line.get_transform().transform(line.get_xydata())[0, 0] for line in drawn)
    assert 0 < (right - left) / page.dpi * 72 < drawn[0].get_markersize()


def test_words_have_no_order_so_that_nothing_joins_them(depths: Sweep) -> None:
    (axis,) = panels_of(trends(depths, measures={"test error": error}, along="skip", by="depth"))
    assert {line.get_linestyle() for line in axis.lines} == {"None"}
    assert len([line for line in axis.lines if line.get_marker() == "_"]) == 3


def test_the_page_tells_how_many_seeds_it_shows_and_what_is_not_known(depths: Sweep) -> None:
    depths["summary"]["test_error"][0, 0, 3] = np.nan
    depths["summary"]["test_error"][..., 4] = np.nan
    text = " ".join(
        " ".join(words(trends(depths, measures={"test error": error}, along="depth", by="skip"))).split()
    )
    assert (
        "A dot a seed (4 seeds), a line at their median. Not known of some networks: test error (7)." in text
    )


def test_an_arm_has_one_colour_whichever_of_them_a_figure_shows(depths: Sweep) -> None:
    ends = trends(depths, measures={"test error": error}, along="skip", by="depth", at={"depth": [110, 20]})
    shades = colors_of([20, 56, 110])
    assert {line.get_color() for line in panels_of(ends)[0].lines} == {shades[0], shades[2]}
    one = trends(depths, measures={"test error": error}, along="depth", by="skip", at={"skip": [False]})
    assert {line.get_color() for line in panels_of(one)[0].lines} == {colors_of([True, False])[1]}


def test_a_panel_says_which_arms_were_not_run_there(depths: Sweep) -> None:
    depths["summary"]["train_loss"][:, 1] = np.nan
    both = {"test error": error, "train loss": lambda summary: summary["train_loss"]}
    there, lacking = panels_of(trends(depths, measures=both, along="depth", by="skip"))
    assert "not run: skip False" in words(lacking)
    assert not any(word.startswith("not run") for word in words(there))


def test_lower_bounds_are_hollow(depths: Sweep) -> None:
    wide = partial(measures.area, level=12.0)  # reaches the ends of the surface
    page = trends(depths, measures={"area": wide}, along="depth", by="skip")
    (axis,) = panels_of(page)
    is_open = measures.measured(wide, depths)["open"]
    hollow = [len(dots(axis, color, "none")) for color in colors_of([True, False])]
    assert hollow == [int(is_open.sel(skip=skip).sum()) for skip in (True, False)]
    assert sum(hollow)


@pytest.mark.filterwarnings("error")
def test_what_left_float_range_is_a_triangle_at_the_top_and_what_is_missing_nothing(depths: Sweep) -> None:
    values = depths["summary"]["train_loss"].values  # depth, skip, seed
    values[2, 1, :3] = np.inf
    values[0] = np.nan
    page = trends(
        depths, measures={"train loss": lambda summary: summary["train_loss"]}, along="depth", by="skip"
    )
    (axis,) = panels_of(page)
    without = colors_of([True, False])[1]
    (top,) = [line for line in axis.lines if line.get_marker() == "^"]
    assert (len(top.get_xdata()), top.get_color()) == (3, without)
    assert len(dots(axis, without)) == 7
    assert_nothing_overlaps(page)


@pytest.mark.parametrize(("factor", "scale"), [(1.0, "linear"), (1000.0, "log")])
def test_a_scale_is_logarithmic_where_values_span_decades(depths: Sweep, factor: float, scale: str) -> None:
    depths["summary"]["test_error"][2, 1] *= factor
    assert panels_of(draw(depths))[1].get_yscale() == scale


def test_words_on_the_axis_are_called_by_their_names(depths: Sweep) -> None:
    names = {"skip": {True: "with skips", False: "none"}}
    page = trends(depths, measures={"test error": error}, along="skip", by="depth", names=names)
    (axis,) = panels_of(page)
    assert [label.get_text() for label in axis.get_xticklabels()] == ["with skips", "none"]
    assert {"depth 20", "depth 56", "depth 110"} <= set(words(page))


def test_the_units_of_a_measure_follow_its_label(depths: Sweep) -> None:
    page = trends(depths, measures={"area": area}, along="depth", by="skip", caption="Holds (1): x.")
    assert {"area (α²)", "Holds (1): x."} <= {word.splitlines()[-1] for word in words(page)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"along": "width"}, r"the sweep has no axis 'width'; it has \['depth', 'seed', 'skip'\]"),
        ({"along": "depth"}, r"the figure needs one value of 'skip': give at.skip one of \[True, False\]"),
        ({"along": "depth", "by": "skip", "measures": {}}, "the figure needs a measure to draw"),
    ],
)
def test_what_cannot_be_drawn_is_refused(depths: Sweep, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trends(depths, **{"measures": {"test error": error}, **options})


def test_it_is_drawn_twice_to_the_same_bytes(depths: Sweep) -> None:
    assert drawn_bytes(draw(depths)) == drawn_bytes(draw(depths))
