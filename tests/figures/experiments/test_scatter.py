from functools import partial

import numpy as np
import pytest
import xarray as xr
from looking import assert_nothing_overlaps, drawn_bytes, panels_of, words
from scipy.stats import rankdata

from lossatlas import measures
from lossatlas.figures.experiments import scatter
from lossatlas.figures.style import colors_of

Sweep = dict[str, xr.Dataset]

area = partial(measures.area, level=0.6)


def error(summary: xr.Dataset) -> xr.DataArray:
    return measures.percent(summary["test_error"])


def draw(datasets: Sweep, **options):
    return scatter(datasets, **{"x": area, "y": error, "by": ["depth", "skip"], **options})


def dots(page, color: str, marker: str) -> np.ndarray:
    (axis,) = panels_of(page)
    found = [
        line.get_xydata()
        for line in axis.lines
        if (line.get_color(), line.get_marker()) == (color, marker) and line.get_markerfacecolor() == color
    ]
    return np.concatenate(found)


@pytest.mark.filterwarnings("error")
def test_each_network_is_a_dot_at_its_measures_coloured_by_one_axis_and_marked_by_another(
    depths: Sweep,
) -> None:
    page = draw(depths)
    for depth, color in zip([20, 56, 110], colors_of([20, 56, 110]), strict=True):
        for skip, marker in ((True, "o"), (False, "s")):
            cell = {"depth": depth, "skip": skip}
            both = [measures.measured(of, depths).sel(cell) for of in (area, error)]
            np.testing.assert_allclose(dots(page, color, marker), np.column_stack(both))
    (axis,) = panels_of(page)
    assert axis.get_xlabel() == "area of {train loss < 0.6} (α²)"
    assert axis.get_ylabel() == "test error (%)"
    assert_nothing_overlaps(page)


def test_the_rank_correlation_is_that_of_the_ranks(depths: Sweep) -> None:
    ranks = [rankdata(measures.measured(measure, depths).values) for measure in (area, error)]
    rho = np.corrcoef(*ranks)[0, 1]
    (axis,) = panels_of(draw(depths))
    assert axis.get_title(loc="right") == f"Spearman's ρ = {rho:.2f} over 30 networks".replace("-", "−")


@pytest.mark.filterwarnings("error")
def test_networks_beyond_float_range_are_counted_and_missing_ones_not(depths: Sweep) -> None:
    depths["summary"]["test_error"].values[0, 0, 0] = np.inf
    depths["summary"]["test_error"].values[1, 0, 0] = np.nan
    page = draw(depths)
    assert any("1 beyond float range are not drawn" in text for text in words(page))
    assert "over 28 networks" in panels_of(page)[0].get_title(loc="right")


def test_a_measure_may_leave_out_an_axis_of_one_value(depths: Sweep) -> None:
    one = {name: dataset.isel(skip=[0]) for name, dataset in depths.items()}
    page = scatter(one, x=area, y=error, by="depth")
    assert "over 15 networks" in panels_of(page)[0].get_title(loc="right")


def test_three_axes_are_refused(depths: Sweep) -> None:
    with pytest.raises(ValueError, match="by: colours and markers tell two axes apart, got"):
        draw(depths, by=["depth", "skip", "seed"])


def test_it_is_drawn_twice_to_the_same_bytes(depths: Sweep) -> None:
    assert drawn_bytes(draw(depths)) == drawn_bytes(draw(depths))
