import numpy as np
import pytest
import xarray as xr

from lossatlas.claims import measures

ALPHA = np.linspace(-1, 1, 41)
SPLIT = ["train", "test"]


def valley(steepness: float, split: int) -> np.ndarray:
    return steepness * abs(ALPHA) + split


@pytest.fixture
def line() -> dict[str, xr.Dataset]:
    """Wedges: two networks, three directions, the test loss one higher than the train loss."""
    loss = np.array([[[valley(net * way, s) for s in (0, 1)] for way in (1, 2, 3)] for net in (1, 2)])
    coords = {"batch_size": [16, 164], "split": SPLIT, "alpha": ALPHA}
    return {"line": xr.Dataset({"loss": (("batch_size", "direction", "split", "alpha"), loss)}, coords)}


def test_width_keeps_the_sweep_and_the_directions(line: dict[str, xr.Dataset]) -> None:
    widths = measures.width(line, landscape="line", level=0.9)
    assert widths.dims == ("batch_size", "direction")
    np.testing.assert_allclose(widths, [[1.8, 0.9, 0.6], [0.9, 0.45, 0.3]])
    assert not widths["open"].any()


def test_width_reads_the_split_that_it_is_told(line: dict[str, xr.Dataset]) -> None:
    widths = measures.width(line, landscape="line", level=1.5, split="test")
    np.testing.assert_allclose(widths[0], [1.0, 0.5, 1 / 3])


def test_width_marks_what_reaches_the_end_of_the_line(line: dict[str, xr.Dataset]) -> None:
    widths = measures.width(line, landscape="line", level=1.5)
    np.testing.assert_array_equal(widths["open"], [[True, False, False], [False, False, False]])


def test_width_around_several_points_tells_them_apart_by_a_dimension() -> None:
    """Valleys of slope 2 around 0 and slope 10 around 1."""
    alpha = np.linspace(-0.5, 1.5, 201)
    loss = np.minimum(2 * abs(alpha), 10 * abs(alpha - 1))[None]
    path = xr.Dataset({"loss": (("split", "alpha"), loss)}, {"alpha": alpha, "split": ["train"]})
    widths = measures.width({"interpolation": path}, landscape="interpolation", level=0.5, around=[0, 1])
    assert widths["around"].values.tolist() == [0, 1]
    np.testing.assert_allclose(widths, [0.5, 0.1])


def test_area_is_that_of_each_surface_of_the_sweep() -> None:
    radii = xr.DataArray([0.4, 0.8], coords={"batch_size": [164, 16]})
    x = xr.DataArray(ALPHA, coords={"x": ALPHA})
    y = xr.DataArray(ALPHA, coords={"y": ALPHA})
    loss = (np.hypot(x, y) / radii).expand_dims(split=["train"])
    areas = measures.area({"surface": xr.Dataset({"loss": loss})}, level=1.0)
    np.testing.assert_allclose(areas, np.pi * radii**2, rtol=5e-3)


def test_rise_is_the_mean_over_directions_of_the_loss_above_the_centre(line: dict[str, xr.Dataset]) -> None:
    rises = measures.rise(line, beyond=0.3, split="test")
    assert abs(rises["alpha"].values).min() == pytest.approx(0.3)
    np.testing.assert_allclose(rises.sel(batch_size=164), 4 * abs(rises["alpha"].values))


def test_rise_keeps_what_is_missing_in_any_direction_missing(line: dict[str, xr.Dataset]) -> None:
    line["line"]["loss"][0, 1, :, 0] = np.nan
    rises = measures.rise(line)
    assert np.isnan(rises[0, 0])
    assert np.isfinite(rises[0, 1:]).all()
    assert np.isfinite(rises[1]).all()


def test_rise_needs_the_centre_and_something_beyond_the_bound(line: dict[str, xr.Dataset]) -> None:
    with pytest.raises(ValueError, match=r"the loss at alpha = 0 is needed; the nearest surveyed point is"):
        measures.rise({"line": line["line"].isel(alpha=slice(0, 10))})
    with pytest.raises(ValueError, match=r"no surveyed point has abs\(alpha\) >= 2; alpha spans \[-1, 1\]"):
        measures.rise(line, beyond=2)


def test_last_is_the_last_epoch_even_if_it_is_missing() -> None:
    history = xr.Dataset({"weight_norm": (("seed", "epoch"), [[3.0, 5.0], [3.0, np.nan]])})
    norms = measures.last({"history": history}, landscape="history", variable="weight_norm", along="epoch")
    np.testing.assert_array_equal(norms, [5.0, np.nan])
    assert norms.attrs["long_name"] == "weight norm at the last epoch"


def test_value_selects_scales_and_says_what_it_is() -> None:
    about = {"long_name": "Keskar's sharpness", "units": "percent"}
    dataset = xr.Dataset({"sharpness": (("seed", "epsilon"), [[8.0, 2.0]], about)}, {"epsilon": [1e-3, 5e-4]})
    values = measures.value(
        {"sharpness": dataset}, landscape="sharpness", variable="sharpness", at={"epsilon": 0.0005}, scale=2
    )
    assert values.values.tolist() == [4.0]
    assert values.attrs == {"long_name": "Keskar's sharpness", "units": "%"}


def test_a_name_that_is_not_there_is_answered_with_those_that_are(line: dict[str, xr.Dataset]) -> None:
    with pytest.raises(ValueError, match=r"no landscape 'lines'; there are \['line'\]"):
        measures.width(line, landscape="lines", level=1)
    with pytest.raises(ValueError, match=r"'line' has no 'error'; it has \['loss'\]"):
        measures.width(line, landscape="line", level=1, variable="error")
    with pytest.raises(ValueError, match=r"split has no 'validation'; it has \['train', 'test'\]"):
        measures.width(line, landscape="line", level=1, split="validation")
    with pytest.raises(ValueError, match="'line' has no dimension 'x'; it has"):
        measures.area(line, landscape="line", level=1)


def test_a_bump_is_measured_from_the_worse_end() -> None:
    """Of either end in turn, and negative where the middle is the better network."""
    lines = [[1.0, 9.0, 4.0, 9.0, 2.0], [2.0, 0.0, 4.0, 0.0, 1.0], [3.0, 0.0, 1.0, 0.0, 2.0]]
    axes = {"member": [0, 1, 2], "split": ["test"], "alpha": [0.0, 0.25, 0.5, 0.75, 1.0]}
    errors = xr.Dataset({"error": (list(axes), np.array(lines)[:, None] / 100)}, axes)
    found = measures.bump({"interpolation": errors}, scale=100, units="%")
    np.testing.assert_allclose(found, [2.0, 2.0, -2.0])
    assert (found.attrs["long_name"], found.attrs["units"]) == (
        "test error halfway less at the worse end",
        "%",
    )
    with pytest.raises(ValueError, match=r"alpha has no 0\.5; it has \[0\.0, 1\.0\]"):
        measures.bump({"interpolation": errors.sel(alpha=[0.0, 1.0])})


def test_a_change_is_that_to_the_next_place_of_every_network() -> None:
    """Places need not be evenly apart; the losses of the second network fall throughout."""
    axes = {"seed": [0, 1], "epoch": [1, 2, 5, 9]}
    losses = [[3.0, 1.0, 2.5, 0.5], [4.0, 3.0, 2.0, np.nan]]
    history = {"history": xr.Dataset({"train_loss": (list(axes), losses)}, axes)}
    options = {"landscape": "history", "variable": "train_loss", "along": "epoch"}
    found = measures.change(history, **options, after=[2, 5])
    np.testing.assert_allclose(found, [[1.5, -2.0], [-1.0, np.nan]])
    assert found.epoch.values.tolist() == [2, 5]
    for place in (9, 3):
        with pytest.raises(ValueError, match=rf"epoch has no {place} with another after it"):
            measures.change(history, **options, after=[place])
