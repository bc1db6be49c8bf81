"""The pictures of twins against their datasets."""

import numpy as np
import pytest
import xarray as xr

from lossatlas.figures import picture

ATTRIBUTES = {"survey": "twins", "of": "sam_sharpness", "layers": "first"}


@pytest.mark.filterwarnings("error")
def test_lines_of_twins_are_drawn_at_the_median_of_their_directions() -> None:
    losses = np.arange(12.0).reshape(2, 3, 1, 2) / 10
    losses[0, 0, 0, 0] = np.inf  # left out of the median
    dataset = xr.Dataset(
        {
            "loss": (("factor", "direction", "split", "alpha"), losses),
            "output_difference": ("factor", [0.0, 3e-7]),
        },
        {"factor": [0.1, 10.0], "direction": range(3), "split": ["train"], "alpha": [-1.0, 1.0]},
        ATTRIBUTES,
    )
    (axis,) = picture(dataset).axes
    assert [line.get_label() for line in axis.lines] == ["0.1", "10"]
    np.testing.assert_allclose(axis.lines[0].get_ydata(), [0.3, 0.3])
    np.testing.assert_allclose(axis.lines[1].get_ydata(), [0.8, 0.9])
    assert axis.get_title() == "sam sharpness of twins, whose outputs differ by 3e-07"


@pytest.mark.filterwarnings("error")
def test_what_is_no_line_is_drawn_against_the_factor(landscapes: dict[str, xr.Dataset]) -> None:
    dataset = landscapes["twins"]
    (axis,) = picture(dataset).axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("factor", "eigenvalue")
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    np.testing.assert_allclose(axis.lines[0].get_xdata(), [0.1, 1.0, 10.0])
    np.testing.assert_allclose(axis.lines[0].get_ydata(), dataset.eigenvalue.sel(end="largest", rank=1))


def test_level_sets_beyond_the_extent_are_drawn_on_the_rim(landscapes: dict[str, xr.Dataset]) -> None:
    landscape = landscapes["level_sets"].copy(deep=True)
    landscape["ray"].values[:, -1] = np.inf
    landscape["width"].values[:, -1] = np.inf
    disc, widths = picture(landscape).axes
    assert set(np.asarray(disc.lines[-1].get_ydata())) == {landscape.attrs["extent"]}
    triangles = [line for line in widths.lines if line.get_marker() == "^" and len(line.get_ydata())]
    assert len(triangles[-1].get_ydata()) == 3
    assert {height for line in triangles for height in line.get_ydata()} == {2 * landscape.attrs["extent"]}


def test_level_sets_without_rays_have_only_widths(landscapes: dict[str, xr.Dataset]) -> None:
    (axis,) = picture(landscapes["level_sets"].drop_dims("angle")).axes
    assert axis.get_ylabel() == "width"
