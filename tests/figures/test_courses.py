from functools import partial

import numpy as np
import pytest
import xarray as xr
from looking import assert_nothing_overlaps, drawn_bytes, panels_of, words
from matplotlib.colors import to_rgba

from lossatlas.claims import measures
from lossatlas.figures import courses
from lossatlas.figures.style import colors_of
from lossatlas.runs.build import make

Sweep = dict[str, xr.Dataset]
METHODS = ["cyclic", "plain"]

loss = partial(measures.value, landscape="history", variable="train_loss")
error = partial(measures.value, landscape="interpolation", variable="error", scale=100, units="%")


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
    page = courses.figure(sweep, measures={"train loss": loss}, along="epoch", by="method")
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
    page = courses.figure(
        sweep, measures={"test error": error, "loss": loss}, along="alpha", by="member", columns="method"
    )
    panels = panels_of(page)
    assert [axis.get_title() for axis in panels] == ["method cyclic", "method plain", "", ""]
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
    (axis,) = panels_of(courses.figure(sweep, measures={"": loss}, along="epoch", by="method"))
    plain = axis.lines[1]
    assert list(plain.get_xdata()) == [1, 2, 4, 5, 7, 8]
    assert np.isfinite(plain.get_ydata()).all()


@pytest.mark.parametrize(("factor", "scale"), [(1.0, "linear"), (1e-3, "log")])
def test_a_scale_is_logarithmic_where_values_span_decades(sweep: Sweep, factor: float, scale: str) -> None:
    sweep["history"].train_loss[0] *= factor
    (axis,) = panels_of(courses.figure(sweep, measures={"": loss}, along="epoch", by="method"))
    assert axis.get_yscale() == scale


def test_it_can_be_written_in_yaml_and_is_drawn_twice_to_the_same_bytes(sweep: Sweep) -> None:
    node = {
        "_target_": "lossatlas.figures.courses.figure",
        "_partial_": True,
        "along": "epoch",
        "by": "method",
        "names": {"method": {"plain": "one cycle"}},
        "measures": {
            "loss": {
                "_target_": "lossatlas.claims.measures.value",
                "_partial_": True,
                "landscape": "history",
                "variable": "train_loss",
            }
        },
    }
    pages = [make(node, datasets=sweep, caption="Holds (1): x.") for _ in range(2)]
    assert {"method cyclic", "one cycle", "Median and range over seeds.\nHolds (1): x."} <= set(
        words(pages[0])
    )
    assert drawn_bytes(pages[0]) == drawn_bytes(pages[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measures": {}}, "the figure needs a measure to draw"),
        ({"along": "step"}, r"the measure has no axis 'step'; it has \['epoch', 'method', 'seed'\]"),
        (
            {"by": None},
            r"the figure needs one value of 'method': give at.method one of \['cyclic', 'plain'\]",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(sweep: Sweep, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        courses.figure(sweep, **{"measures": {"": loss}, "along": "epoch", "by": "method", **options})
