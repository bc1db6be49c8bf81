from functools import partial
from typing import Any

import numpy as np
import pytest
import xarray as xr
from looking import assert_nothing_overlaps, drawn_bytes, panels_of, words
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lossatlas import measures
from lossatlas.figures.experiments import learning_curves
from lossatlas.figures.style import colors_of

Sweep = dict[str, xr.Dataset]
METHODS = ["cyclic", "plain"]


def loss(history: xr.Dataset) -> xr.DataArray:
    return history["train_loss"]


def error(interpolation: xr.Dataset) -> xr.DataArray:
    return measures.percent(interpolation["error"])


@pytest.fixture
def sweep() -> Sweep:
    """Two methods and three seeds: losses by epoch, errors on the lines to two members."""
    rng = np.random.default_rng(0)
    axes = {"method": METHODS, "seed": range(3)}
    history = xr.DataArray(
        rng.uniform(0.5, 1.0, (2, 3, 8)), {**axes, "epoch": range(1, 9)}, ("method", "seed", "epoch")
    )
    lines = xr.DataArray(
        rng.uniform(0.0, 0.5, (2, 3, 2, 5)),
        {**axes, "member": range(2), "alpha": np.linspace(0, 1, 5)},
        ("method", "seed", "member", "alpha"),
    )
    return {"history": history.to_dataset(name="train_loss"), "interpolation": lines.to_dataset(name="error")}


@pytest.mark.filterwarnings("error")
def test_a_colour_has_the_median_over_seeds_and_their_range(sweep: Sweep) -> None:
    page = learning_curves(sweep, measures={"train loss": loss}, along="epoch", by="method")
    (axis,) = panels_of(page)
    for method, color, band in zip(METHODS, colors_of(METHODS), axis.collections, strict=True):
        values = sweep["history"].train_loss.sel({"method": method})
        (line,) = [line for line in axis.lines if line.get_color() == color]
        np.testing.assert_allclose(line.get_ydata(), values.median("seed"))
        np.testing.assert_allclose(line.get_xdata(), range(1, 9))
        assert to_rgba(band.get_facecolor()[0])[:3] == to_rgba(color)[:3]
        corners = band.get_paths()[0].vertices[:, 1]
        assert (corners.min(), corners.max()) == (values.min(), values.max())
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("epoch", "train loss")
    assert_nothing_overlaps(page)


@pytest.mark.filterwarnings("error")
def test_each_measure_has_a_row_and_each_value_of_columns_a_panel_on_one_scale(sweep: Sweep) -> None:
    sweep["history"] = sweep["history"].rename(epoch="alpha").expand_dims(member=[0, 1])
    page = learning_curves(
        sweep, measures={"test error": error, "loss": loss}, along="alpha", by="member", columns="method"
    )
    panels = panels_of(page)
    assert [axis.get_title() for axis in panels] == ["cyclic", "plain", "", ""]
    assert [axis.get_ylabel() for axis in panels] == ["test error (%)", "", "loss", ""]
    assert panels[0].get_ylim() == panels[1].get_ylim() != panels[2].get_ylim() == panels[3].get_ylim()
    assert panels[2].get_xlabel() == "α"
    for axis, method in zip(panels, METHODS, strict=False):
        for member, line in enumerate(axis.lines):
            expected = 100 * sweep["interpolation"].error.sel({"method": method, "member": member}).median(
                "seed"
            )
            np.testing.assert_allclose(line.get_ydata(), expected)
    assert_nothing_overlaps(page)


def test_what_another_arm_has_no_values_at_leaves_no_gap(sweep: Sweep) -> None:
    """Arms of a sweep whose runs have other numbers of epochs are gathered over the epochs of all."""
    sweep["history"].train_loss.loc[{"method": "plain", "epoch": [3, 6]}] = np.nan
    (axis,) = panels_of(learning_curves(sweep, measures={"": loss}, along="epoch", by="method"))
    plain = axis.lines[1]
    assert list(plain.get_xdata()) == [1, 2, 4, 5, 7, 8]
    assert np.isfinite(plain.get_ydata()).all()


@pytest.mark.parametrize(("factor", "scale"), [(1.0, "linear"), (1e-3, "log")])
def test_a_scale_is_logarithmic_where_values_span_decades(sweep: Sweep, factor: float, scale: str) -> None:
    sweep["history"].train_loss[0] *= factor
    (axis,) = panels_of(learning_curves(sweep, measures={"": loss}, along="epoch", by="method"))
    assert axis.get_yscale() == scale


def test_groups_are_named_and_it_is_drawn_twice_to_the_same_bytes(sweep: Sweep) -> None:
    names = {"method": {"plain": "one cycle"}}
    drawn = partial(learning_curves, measures={"loss": loss}, along="epoch", by="method", names=names)
    pages = [drawn(datasets=sweep, caption="Holds (1): x.") for _ in range(2)]
    assert {"cyclic", "one cycle", "Median and range over 3 seeds.\nHolds (1): x."} <= set(words(pages[0]))
    assert drawn_bytes(pages[0]) == drawn_bytes(pages[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measures": {}}, "the figure needs a measure to draw"),
        ({"along": "step"}, r"the sweep has no axis 'step'; it has \['epoch', 'method', 'seed'\]"),
        (
            {"by": None},
            r"the figure needs one value of 'method': give at.method one of \['cyclic', 'plain'\]",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(sweep: Sweep, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        learning_curves(sweep, **{"measures": {"": loss}, "along": "epoch", "by": "method", **options})


def distance(history: xr.Dataset) -> xr.DataArray:
    return history["squared_distance_0"]


PRINTED = measures.on("reference", distance)


@pytest.fixture
def escapes() -> Sweep:
    """Two networks, three strengths and three seeds that leave a checkpoint at epoch 20, and what a paper printed."""
    strengths, epoch = [0.1, 1.0, 10.0], np.arange(41)
    growth = np.where(epoch > 20, (epoch - 20.0).clip(0) ** 0.7, np.nan)
    factors = np.array([1.0, 2.0])[:, None, None] * np.array(strengths)[:, None] ** 0.5
    rng = np.random.default_rng(0)
    values = 20 * (factors * rng.uniform(0.9, 1.1, (2, 3, 3)))[..., None] * growth
    axes = {"model": ["deep", "wide"], "strength": strengths, "seed": range(3), "epoch": epoch}
    history = xr.DataArray(values, axes, tuple(axes))
    printed = history.mean("seed").sel(model=["deep"], strength=[1.0, 10.0], epoch=range(21, 41, 2)) * 1.2
    return {
        name: values.to_dataset(name="squared_distance_0")
        for name, values in {"history": history, "reference": printed}.items()
    }


def escape_page(sweep: Sweep, **options: Any) -> Figure:
    given = {
        "measures": {"squared distance": distance},
        "along": "epoch",
        "by": "strength",
        "columns": "model",
    }
    return learning_curves(sweep, **{**given, **options})


def dashed_of(axis: Axes) -> dict[str, Line2D]:
    """Curves, by their colour, that are drawn in dashes from one point to the next."""
    return {
        line.get_color(): line for line in axis.lines if line.is_dashed() and len(set(line.get_xdata())) > 1
    }


@pytest.mark.filterwarnings("error")
def test_printed_curves_are_dashed_in_the_colour_of_their_group_behind_it(escapes: Sweep) -> None:
    page = escape_page(escapes, reference=PRINTED)
    deep, wide = panels_of(page)
    _, *known = colors_of([0.1, 1.0, 10.0])
    dashed = dashed_of(deep)
    assert list(dashed) == known
    for strength, color in zip([1.0, 10.0], known, strict=True):
        expected = escapes["reference"].squared_distance_0.sel(model="deep", strength=strength)
        np.testing.assert_allclose(dashed[color].get_ydata(), expected)
        np.testing.assert_allclose(dashed[color].get_xdata(), range(21, 41, 2))
        (solid,) = [line for line in deep.lines if line.get_color() == color and not line.is_dashed()]
        assert solid.get_zorder() > dashed[color].get_zorder()
    assert dashed_of(wide) == {}  # of which nothing was printed
    assert "as printed" in words(page)
    assert any(text.startswith("Median and range over 3 seeds.\nDashed: as printed") for text in words(page))
    assert_nothing_overlaps(page)


def test_without_printed_curves_the_page_is_as_without_the_option(escapes: Sweep) -> None:
    plain = drawn_bytes(escape_page(escapes))
    nothing = {**escapes, "reference": escapes["reference"].where(False)}
    assert drawn_bytes(escape_page(nothing, reference=PRINTED)) == plain
    del escapes["reference"]
    assert drawn_bytes(escape_page(escapes, reference=PRINTED)) == plain


def test_a_choice_of_groups_chooses_printed_curves_too_and_may_have_none(escapes: Sweep) -> None:
    at = {"model": "deep", "strength": [10.0, 0.1]}
    (axis,) = panels_of(escape_page(escapes, reference=PRINTED, at=at, columns=None))
    assert list(dashed_of(axis)) == [colors_of([0.1, 1.0, 10.0])[2]]


def test_each_row_can_have_printed_curves_and_they_count_for_its_scale(escapes: Sweep) -> None:
    escapes["reference"] *= 1000
    rows = {"distance": distance, "again": distance}
    page = escape_page(escapes, measures=rows, reference={"again": PRINTED}, at={"strength": [1.0]})
    scales = [(axis.get_yscale(), bool(dashed_of(axis))) for axis in panels_of(page)]
    assert scales == [("linear", False), ("linear", False), ("log", True), ("log", False)]


def test_marks_are_vertical_lines_at_their_places_which_the_legend_names(escapes: Sweep) -> None:
    page = escape_page(escapes, marks={"checkpoint": [20], "release": [30, 35]})
    for axis in panels_of(page):
        assert [line.get_xdata()[0] for line in axis.lines if len(set(line.get_xdata())) == 1] == [20, 30, 35]
        assert axis.get_xlim() == pytest.approx(
            (20 - 0.4, 40 + 0.4)
        )  # nothing is known before the checkpoint
    assert {"checkpoint", "release"} <= set(words(page))
    assert_nothing_overlaps(page)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"distance": PRINTED}, "no measure is called 'distance'; the figure draws 'squared distance'"),
        (
            lambda: xr.DataArray([1.0], dims="epoch"),
            r"the sweep has no axis 'strength'; it has \['epoch'\]",
        ),
    ],
)
def test_a_reference_to_what_is_not_drawn_is_refused(escapes: Sweep, reference: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        escape_page(escapes, reference=reference)
