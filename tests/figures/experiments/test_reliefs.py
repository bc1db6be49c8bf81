import numpy as np
import pytest
import xarray as xr
from looking import drawn_bytes, panels_of, words
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from lossatlas.figures.experiments import reliefs

Sweep = dict[str, xr.Dataset]


def draw(datasets: Sweep, **options):
    return reliefs(datasets, rows="skip", columns="depth", **options)


def faces(axis) -> np.ndarray:
    """Corners of the drawn faces, (faces, corners, xyz)."""
    (surface,) = [part for part in axis.collections if isinstance(part, Poly3DCollection)]
    return np.asarray([np.asarray(face)[:4] for face in surface._faces])


@pytest.mark.filterwarnings("error")
def test_heights_are_the_logarithms_of_the_loss_on_one_scale(depths: Sweep) -> None:
    page = draw(depths)
    train = depths["surface"]["loss"].sel(split="train", seed=0)
    ends = np.log10([train.min().item(), min(train.max().item(), 100)])
    for axis in panels_of(page):
        assert axis.get_zlim() == pytest.approx(tuple(ends))
    corners = faces(panels_of(page)[1])
    heights = np.unique(corners[..., 2].round(12))
    expected = np.unique(np.log10(train.sel(depth=56, skip=True)).values.round(12))
    np.testing.assert_allclose(heights, expected)
    page.draw_without_rendering()


@pytest.mark.filterwarnings("error")
def test_what_lies_beyond_is_cut_off_and_what_left_float_range_is_grey_at_the_top(depths: Sweep) -> None:
    surface = depths["surface"].transpose("skip", "depth", "seed", "split", "y", "x")
    surface["loss"].values[1, 0, :, :, 0] = np.inf
    surface["loss"].values[1, 0, :, :, 1] = 1e300
    surface["loss"].values[0, 1] = np.nan
    surface["error"].values[0, 1] = np.nan
    page = draw({**depths, "surface": surface}, ceiling=50.0)
    panels = panels_of(page)
    assert faces(panels[3])[..., 2].max() == pytest.approx(np.log10(50))
    assert "grey: beyond float range, 15 of 225 points" in "\n".join(words(panels[3]))
    assert "not surveyed" in words(panels[1])
    page.draw_without_rendering()


@pytest.mark.filterwarnings("error")
def test_losses_above_the_usual_ceiling_are_no_plate(depths: Sweep) -> None:
    surface = depths["surface"].assign(loss=4000 + 1000 * depths["surface"]["loss"])
    train = surface["loss"].sel(split="train", seed=0)
    assert train.min() > 2000
    for axis, loss in zip(panels_of(draw({**depths, "surface": surface})), np.ones(6), strict=True):
        assert np.ptp(faces(axis)[..., 2]) > 0.01 * loss
        assert axis.get_zlim()[0] < axis.get_zlim()[1] <= 5


def test_the_test_error_and_the_scale_are_told(depths: Sweep) -> None:
    page = draw(depths, caption="Fails (1): x.")
    error = 100 * depths["summary"]["test_error"].sel(skip=False, depth=110)
    assert f"test error {error.mean():.2f} ± {error.std(ddof=1):.2f} %" in words(panels_of(page)[5])
    assert "network of seed 0: train loss on a log scale from 0.0" in "\n".join(words(page))


def test_it_is_drawn_twice_to_the_same_bytes(depths: Sweep) -> None:
    assert drawn_bytes(draw(depths)) == drawn_bytes(draw(depths))
