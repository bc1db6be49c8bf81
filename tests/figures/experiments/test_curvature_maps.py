import numpy as np
import pytest
import xarray as xr
from looking import assert_nothing_overlaps, drawn_bytes, meshes_of, panels_of, words

from lossatlas.figures.experiments import curvature_maps

Sweep = dict[str, xr.Dataset]


def draw(datasets: Sweep, **options):
    return curvature_maps(datasets, rows="skip", columns="depth", **options)


@pytest.mark.filterwarnings("error")
def test_maps_are_the_first_seeds_ratios_on_the_colours_of_the_paper(depths: Sweep) -> None:
    page = draw(depths)
    for axis, skip, depth in zip(panels_of(page), [True] * 3 + [False] * 3, [20, 56, 110] * 2, strict=True):
        (mesh,) = meshes_of(axis)
        assert mesh.get_clim() == (0, 0.5)
        np.testing.assert_array_equal(
            mesh.get_array(), depths["convexity"]["ratio"].sel(skip=skip, depth=depth, seed=0)
        )
        error = 100 * depths["summary"]["test_error"].sel(skip=skip, depth=depth)
        assert f"{error.mean():.2f} ± {error.std(ddof=1):.2f} %" in axis.get_xlabel()
    assert_nothing_overlaps(page)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("highest", "extend"), [(0.45, "neither"), (0.8, "max"), (np.inf, "neither")])
def test_the_colour_bar_is_open_where_a_ratio_lies_beyond_it(
    depths: Sweep, highest: float, extend: str
) -> None:
    depths["convexity"]["ratio"].values[1, 1, 0, 3, 4] = highest
    page = draw(depths)
    (mesh,) = meshes_of(panels_of(page)[0])
    assert mesh.colorbar.extend == extend
    assert len(page.axes) == 7  # one bar for all


@pytest.mark.filterwarnings("error")
def test_points_without_eigenvalues_are_grey_and_networks_without_a_map_named(depths: Sweep) -> None:
    ratio = depths["convexity"]["ratio"].values  # depth, skip, seed, y, x
    ratio[0, 0, :, 0, :4] = np.nan
    ratio[1, 1] = np.nan
    page = draw(depths)
    first, *_ = panels_of(page)
    assert "grey: beyond float range,\n4 of 225 points" in words(first)
    assert "not surveyed" in words(panels_of(page)[4])
    assert_nothing_overlaps(page)


def test_it_is_drawn_twice_to_the_same_bytes(depths: Sweep) -> None:
    assert drawn_bytes(draw(depths)) == drawn_bytes(draw(depths))
