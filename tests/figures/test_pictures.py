from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from lossatlas.figures import PICTURES, draws, picture


@pytest.fixture(scope="module")
def run(sharpness_datasets: Any) -> dict[str, xr.Dataset]:
    """The landscapes of one network."""
    cell = {"optimizer": "sgd", "weight_decay": 0.0, "batch_size": 16, "seed": 0}
    found = {name: dataset.sel(cell) for name, dataset in sharpness_datasets().items()}
    return {name: dataset.assign_attrs(survey=name) for name, dataset in found.items()}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("survey", "labels"),
    [
        ("line", {"α", "loss", "error (%)"}),
        ("interpolation", {"α", "loss", "error (%)"}),
        ("surface", {"first direction", "second direction"}),
        ("weights", {"weight", "density"}),
        ("sharpness", {"size ε of the box", "sharpness (%)"}),
    ],
)
def test_each_survey_has_its_picture_with_labelled_axes(
    run: dict[str, xr.Dataset], survey: str, labels: set[str]
) -> None:
    figure = picture(run[survey])
    assert {text for axis in figure.axes for text in (axis.get_xlabel(), axis.get_ylabel())} - {""} == labels
    figure.draw_without_rendering()


def test_a_surface_has_a_panel_a_split(run: dict[str, xr.Dataset]) -> None:
    titles = [axis.get_title() for axis in picture(run["surface"]).axes]
    assert titles == ["train loss", "test loss"]


def test_the_line_drawn_is_the_median_over_directions(run: dict[str, xr.Dataset]) -> None:
    drawn = picture(run["line"]).axes[0].lines[0]
    expected = run["line"]["loss"].sel(split="train").median("direction")
    np.testing.assert_allclose(drawn.get_ydata(), expected)


def test_a_new_survey_brings_its_own_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(PICTURES, "spectrum", raising=False)
    figure = Figure()
    draws("spectrum")(lambda landscape: figure)
    assert picture(xr.Dataset(attrs={"survey": "spectrum"})) is figure
    del PICTURES["spectrum"]


@pytest.mark.parametrize("attrs", [{}, {"survey": "atlas"}])
def test_a_dataset_of_no_known_survey_is_refused(attrs: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"no picture for survey .*; there are \['interpolation', 'line'"):
        picture(xr.Dataset(attrs=attrs))
