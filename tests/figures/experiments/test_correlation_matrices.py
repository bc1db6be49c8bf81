from typing import Any

import numpy as np
import pytest
import xarray as xr
from looking import assert_nothing_overlaps, drawn_bytes, panels_of, words

from lossatlas.figures.experiments import correlation_matrices

METHODS = ["cyclic", "plain"]


@pytest.fixture
def sweep() -> dict[str, xr.Dataset]:
    """Correlations of four members, of two methods and three seeds."""
    rng = np.random.default_rng(0)
    values = rng.uniform(0.5, 0.9, (2, 3, 1, 4, 4))
    values = (values + values.swapaxes(-1, -2)) / 2
    values[..., range(4), range(4)] = 1.0
    axes = {"method": METHODS, "seed": range(3), "split": ["test"], "member": range(4), "other": range(4)}
    about = {"long_name": "correlation of two members"}
    return {"ensemble": xr.DataArray(values, axes, list(axes), attrs=about).to_dataset(name="correlation")}


@pytest.mark.filterwarnings("error")
def test_a_matrix_is_the_mean_over_seeds_without_its_diagonal(sweep: dict[str, xr.Dataset]) -> None:
    page = correlation_matrices(sweep, columns="method")
    mean = sweep["ensemble"].correlation.mean("seed").isel(split=0)
    panels = panels_of(page)
    assert [axis.get_title() for axis in panels] == ["cyclic", "plain"]
    for axis, method in zip(panels, METHODS, strict=True):
        (image,) = axis.images
        shown = np.ma.getdata(image.get_array())
        missing = np.ma.getmaskarray(image.get_array())
        np.testing.assert_array_equal(missing, np.eye(4, dtype=bool))
        np.testing.assert_allclose(shown[~missing], mean.sel({"method": method}).values[~missing])
        assert f"{float(mean.sel({'method': method, 'member': 2, 'other': 1})):.3g}".lstrip("0") in words(
            axis
        )
        assert [label.get_text() for label in axis.get_xticklabels()] == ["1", "2", "3", "4"]
    off = mean.values[:, ~np.eye(4, dtype=bool)]
    assert {axis.images[0].get_clim() for axis in panels} == {(off.min(), off.max())}
    assert "Mean over seeds of the correlation of two members." in words(page)
    assert_nothing_overlaps(page)


@pytest.mark.filterwarnings("error")
def test_an_arm_of_fewer_members_has_a_smaller_matrix_and_one_without_a_word(
    sweep: dict[str, xr.Dataset],
) -> None:
    values = sweep["ensemble"].correlation
    values.loc[{"method": "plain", "member": 3}] = np.nan
    values.loc[{"method": "plain", "other": 3}] = np.nan
    assert panels_of(correlation_matrices(sweep, columns="method"))[1].images[0].get_array().shape == (3, 3)
    values.loc[{"method": "plain"}] = np.nan
    page = correlation_matrices(sweep, columns="method")
    assert "not surveyed" in words(panels_of(page)[1])


def test_it_is_drawn_twice_to_the_same_bytes(sweep: dict[str, xr.Dataset]) -> None:
    pages = [
        correlation_matrices(sweep, columns="method", names={"method": {"plain": "NoCycle"}})
        for _ in range(2)
    ]
    assert drawn_bytes(pages[0]) == drawn_bytes(pages[1])
    assert "NoCycle" in words(pages[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": "alpha"}, "the sweep has no axis 'alpha'"),
        ({"landscape": "line"}, r"the figure needs the dataset 'line'; there are \['ensemble'\]"),
        ({"variable": "distance"}, r"'ensemble' has no 'distance'; it has \['correlation'\]"),
        ({"split": "train"}, "split has no 'train'; it has"),
        ({"columns": "seed"}, r"the figure needs one value of 'method': give at.method one of"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    sweep: dict[str, xr.Dataset], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        correlation_matrices(sweep, **{"columns": "method", **options})
