import numpy as np
import pytest
import xarray as xr
from looking import assert_nothing_overlaps, drawn_bytes, lines_of, meshes_of, panels_of, words

from lossatlas.figures.experiments import contours
from lossatlas.figures.style import LEVELS

Sweep = dict[str, xr.Dataset]
NAMES = {"skip": {True: "with skips", False: "without"}}


def draw(datasets: Sweep, **options):
    return contours(datasets, rows="skip", columns="depth", names=NAMES, **options)


@pytest.mark.filterwarnings("error")
def test_all_panels_have_the_papers_levels_the_same_range_and_the_same_colours(depths: Sweep) -> None:
    page = draw(depths)
    panels = panels_of(page)
    assert len(panels) == 6
    for axis in panels:
        lines = lines_of(axis)
        np.testing.assert_allclose(lines.levels[:20], LEVELS)
        assert lines.get_clim() == (0.0, pytest.approx(9.6))
        assert (axis.get_xlim(), axis.get_ylim()) == ((-1, 1), (-1, 1))
    assert "contours at 0.1, 0.6, … 9.6" in " ".join(words(page))
    assert_nothing_overlaps(page)


def test_a_contour_lies_where_the_first_seeds_loss_has_that_value(depths: Sweep) -> None:
    lines = lines_of(panels_of(draw(depths))[1])  # with skips, depth 56
    loss = depths["surface"]["loss"].sel(depth=56, skip=True, seed=0, split="train")
    level = 4
    ring = lines.get_paths()[level].vertices
    x, y = (xr.DataArray(values, dims="point") for values in ring[np.isfinite(ring).all(axis=1)].T)
    np.testing.assert_allclose(loss.interp(x=x, y=y, method="pchip"), LEVELS[level], atol=0.03)


def test_under_each_panel_stands_its_test_error_over_seeds(depths: Sweep) -> None:
    page = draw(depths)
    for axis, skip, depth in zip(panels_of(page), [True] * 3 + [False] * 3, [20, 56, 110] * 2, strict=True):
        error = 100 * depths["summary"]["test_error"].sel(skip=skip, depth=depth)
        assert axis.get_xlabel().endswith(f"test error {error.mean():.2f} ± {error.std(ddof=1):.2f} %")
    assert any("Each panel shows the network of seed 0" in text for text in words(page))
    assert {"with skips", "without"} <= set(words(page))


def test_another_split_and_another_seed_are_drawn_when_asked_for(depths: Sweep) -> None:
    page = draw(depths, split="test", at={"seed": 3})
    loss = depths["surface"]["loss"].sel(depth=56, skip=True, seed=3, split="test")
    ring = lines_of(panels_of(page)[1]).get_paths()[4].vertices
    x, y = (xr.DataArray(values, dims="point") for values in ring[np.isfinite(ring).all(axis=1)].T)
    np.testing.assert_allclose(loss.interp(x=x, y=y, method="pchip"), LEVELS[4], atol=0.03)


@pytest.mark.filterwarnings("error")
def test_surfaces_that_left_float_range_still_draw_and_say_so(depths: Sweep) -> None:
    surface = depths["surface"].transpose("skip", "depth", "seed", "split", "y", "x")
    surface["loss"].values[1, 0, :, :, 0] = np.inf
    surface["loss"].values[1, 0, :, :, 1] = 1e300
    surface["loss"].values[1, 1] = np.nan  # its error is known: it was surveyed
    surface["loss"].values[1, 2] = 2.3026
    page = draw({**depths, "surface": surface})
    some, everywhere, flat = panels_of(page)[3:]
    assert "grey: beyond float range,\n15 of 225 points" in words(some)
    assert "grey: beyond float range,\n225 of 225 points" in words(everywhere)
    assert np.argwhere(~meshes_of(some)[0].get_array().mask)[:, 0].tolist() == [0] * 15
    assert "no level crossed: loss 2.303 to 2.303" in words(flat)
    levels = lines_of(panels_of(page)[0]).levels
    np.testing.assert_allclose(levels[:20], LEVELS)
    assert len(levels) <= 28
    assert levels[-1] > 1e200
    assert_nothing_overlaps(page)


@pytest.mark.filterwarnings("error")
def test_what_was_not_surveyed_is_said(depths: Sweep) -> None:
    depths["surface"] = depths["surface"].where(depths["surface"].depth != 56)
    page = draw(depths)
    said = ["not surveyed" in words(axis) for axis in panels_of(page)]
    assert said == [False, True, False] * 2
    assert_nothing_overlaps(page)
    nothing = {**depths, "surface": depths["surface"].where(False)}
    assert words(draw(nothing)).count("not surveyed") == 6
    assert_nothing_overlaps(contours(nothing, columns="skip", at={"depth": 20}))


def test_it_is_drawn_twice_to_the_same_bytes(depths: Sweep) -> None:
    assert drawn_bytes(draw(depths, caption="Holds (1): x.")) == drawn_bytes(
        draw(depths, caption="Holds (1): x.")
    )


def test_an_unknown_split_is_refused(depths: Sweep) -> None:
    with pytest.raises(ValueError, match=r"split has no 'validation'; it has \['train', 'test'\]"):
        draw(depths, split="validation")
