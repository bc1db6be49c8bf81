from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.figure import Figure

from lossatlas.figures import PICTURES, draws, picture
from lossatlas.figures.style import ERROR
from lossatlas.runs.composition.search_path import config_folder

CHOICES = sorted(path.stem for path in (config_folder() / "landscape").glob("*.yaml") if path.stem != "none")


def texts(axis: Axes) -> list[str]:
    return [text.get_text() for text in axis.texts]


def points(axis: Axes, color: str) -> np.ndarray:
    """Coordinates of the line of that colour, (n, 2)."""
    (line,) = [line for line in axis.lines if line.get_color() == color]
    return np.column_stack([np.asarray(line.get_xdata()), np.asarray(line.get_ydata())])


@pytest.mark.parametrize("choice", CHOICES)
def test_every_landscape_that_can_be_chosen_has_a_picture(choice: str) -> None:
    assert choice in PICTURES


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("survey", "labels"),
    [
        ("line", {"α", "loss", "error (%)"}),
        ("interpolation", {"α", "loss", "error (%)"}),
        ("path", {"network", "loss", "error (%)"}),
        ("surface", {"first direction", "second direction"}),
        ("plane", {"distance"}),
        ("curve_plane", {"distance"}),
        ("curve_distances", {"position t on the curves", "distance"}),
        ("convexity", {"first direction", "second direction", r"$|\lambda_{\min} / \lambda_{\max}|$"}),
        ("weights", {"weight", "density"}),
        ("spectrum", {"eigenvalue", "density"}),
        ("eigenvalues", {"eigenvalue", "rank"}),
        ("trace", {"probes", "trace"}),
        ("ensemble", {"m members", "error (%)", "member"}),
        ("jacobian", {"rank", "singular value"}),
        ("sharpness", {"size ε of the box", "sharpness (%)"}),
        ("sam_sharpness", {"radius ρ", "rise of the loss"}),
        ("aligned", {"α", "loss", "error (%)"}),
        ("spanning_tree", {"position along the band", "train loss", "minimum"}),
        ("step_time", {"checkpoints", "time of a step (ms)"}),
        ("tunnel", {"position t on the curve", "loss", "distance to the level"}),
        ("level_sets", {"rise of the loss", "width"}),
    ],
)
def test_each_survey_has_its_picture_with_labelled_axes(
    landscapes: dict[str, xr.Dataset], survey: str, labels: set[str]
) -> None:
    figure = picture(landscapes[survey])
    assert {text for axis in figure.axes for text in (axis.get_xlabel(), axis.get_ylabel())} - {""} == labels
    figure.draw_without_rendering()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("survey", CHOICES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_a_gap_in_every_picture(
    landscapes: dict[str, xr.Dataset], survey: str, value: float
) -> None:
    damaged = landscapes[survey].copy(deep=True)
    for name, variable in damaged.data_vars.items():
        if (
            variable.dtype.kind == "f"
            and variable.ndim
            and name not in ("path_x", "path_y", "point_x", "point_y")
        ):
            variable.values.flat[0] = value
    picture(damaged).draw_without_rendering()


@pytest.mark.parametrize("survey", ["surface", "plane", "trajectory"])
def test_a_surface_has_a_panel_a_split(landscapes: dict[str, xr.Dataset], survey: str) -> None:
    titles = [axis.get_title() for axis in picture(landscapes[survey]).axes]
    assert titles == ["train loss", "test loss"]


def test_the_line_drawn_is_the_median_over_directions(landscapes: dict[str, xr.Dataset]) -> None:
    drawn = picture(landscapes["line"]).axes[0].lines[0]
    expected = landscapes["line"]["loss"].sel(split="train").median("direction")
    np.testing.assert_allclose(drawn.get_ydata(), expected)


def test_a_network_without_classes_has_a_loss_and_no_error(landscapes: dict[str, xr.Dataset]) -> None:
    (axis,) = picture(landscapes["line"].drop_vars("error")).axes
    assert axis.get_ylabel() == "loss"


def test_a_path_is_marked_where_it_passes_through_a_network(landscapes: dict[str, xr.Dataset]) -> None:
    axis = picture(landscapes["path"]).axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0", "1", "2"]
    assert list(axis.get_xticks()) == [0, 1, 2]


def test_a_curve_has_no_networks_to_mark(landscapes: dict[str, xr.Dataset]) -> None:
    curve = landscapes["path"].drop_vars("network_t")
    assert picture(curve).axes[0].get_xlabel() == "t"


def test_the_three_networks_of_a_plane_are_marked_where_they_are(landscapes: dict[str, xr.Dataset]) -> None:
    landscape = landscapes["plane"]
    axis = picture(landscape).axes[0]
    np.testing.assert_array_equal(
        points(axis, ERROR), np.stack([landscape.point_x, landscape.point_y], axis=1)
    )
    assert texts(axis)[-3:] == ["network 0", "network 1", "network 2"]


def test_a_trajectory_is_drawn_over_the_contours_with_the_share_of_each_component(
    landscapes: dict[str, xr.Dataset],
) -> None:
    landscape = landscapes["trajectory"]
    axis = picture(landscape).axes[0]
    np.testing.assert_array_equal(points(axis, ERROR), np.stack([landscape.path_x, landscape.path_y], axis=1))
    share = landscape.explained_variance_ratio.values
    assert axis.get_xlabel() == f"1st component: {100 * share[0]:.1f} % of the variance"
    assert axis.get_ylabel() == f"2nd component: {100 * share[1]:.1f} %"
    assert {"0", "5"} <= set(texts(axis))  # first and last snapshot


def test_a_convexity_map_has_the_papers_colours_and_says_when_they_end(
    landscapes: dict[str, xr.Dataset],
) -> None:
    landscape = landscapes["convexity"].copy(deep=True)
    landscape["ratio"].values[:] = 0.25
    landscape["ratio"].values[0, 2] = 0.75
    figure = picture(landscape)
    (mesh,) = [part for part in figure.axes[0].collections if isinstance(part, QuadMesh)]
    assert mesh.get_clim() == (0, 0.5)
    np.testing.assert_array_equal(mesh.get_array(), landscape["ratio"])  # rows y, upwards
    assert mesh.colorbar.extend == "max"
    landscape["ratio"].values[0, 2] = np.nan
    mesh, ground = [part for part in picture(landscape).axes[0].collections if isinstance(part, QuadMesh)]
    assert mesh.get_array().mask.sum() == ground.get_array().count() == 1
    assert mesh.colorbar.extend == "neither"


def with_measured(surface: xr.Dataset, share: list[tuple[int, int]]) -> xr.Dataset:
    measured = np.zeros((surface.sizes["y"], surface.sizes["x"]))
    for row, column in share:
        measured[row, column] = 1
    return surface.assign(measured=(("y", "x"), measured))


def test_where_a_surface_was_measured_is_marked_if_it_is_at_few_points(
    landscapes: dict[str, xr.Dataset],
) -> None:
    surface = landscapes["surface"]
    axis = picture(with_measured(surface, [(0, 0), (1, 3)])).axes[0]
    (dots,) = [line for line in axis.lines if line.get_marker() == "."]
    assert list(dots.get_xdata()) == [surface.x[0], surface.x[3]]
    assert list(dots.get_ydata()) == [surface.y[0], surface.y[1]]
    everywhere = [(row, column) for row in range(7) for column in range(7)]
    assert len(picture(with_measured(surface, everywhere)).axes[0].lines) == len(
        picture(surface).axes[0].lines
    )


def test_the_spectrum_is_on_a_log_scale_within_two_standard_errors(landscapes: dict[str, xr.Dataset]) -> None:
    landscape = landscapes["spectrum"]
    (axis,) = picture(landscape).axes
    assert axis.get_yscale() == "log"
    bottom, top = axis.get_ylim()
    seen = landscape.density.values > bottom
    np.testing.assert_allclose(axis.lines[0].get_ydata()[seen], landscape.density[seen])
    (band,) = [part for part in axis.collections if isinstance(part, PolyCollection)]
    highest = band.get_paths()[0].vertices[:, 1].max()
    assert highest == pytest.approx((landscape.density + 2 * landscape.standard_error).max().item())
    assert highest < top


def test_each_end_of_the_eigenvalues_has_its_own_scale_and_its_residuals_as_bars(
    landscapes: dict[str, xr.Dataset],
) -> None:
    landscape = landscapes["eigenvalues"]
    low, high = picture(landscape).axes
    assert (low.get_title(), high.get_title()) == ("smallest", "largest")
    assert len(low.containers[0][0].get_ydata()) == 2
    assert len(high.containers[0][0].get_ydata()) == 3
    segments = np.array(high.containers[0][2][0].get_segments())  # (3, 2, 2)
    largest = landscape.sel(end="largest")
    np.testing.assert_allclose(segments[:, 0, 1], largest.eigenvalue - largest.residual)
    np.testing.assert_allclose(segments[:, 1, 1], largest.eigenvalue + largest.residual)


def test_the_running_trace_ends_at_the_estimate_and_its_error(landscapes: dict[str, xr.Dataset]) -> None:
    landscape = landscapes["trace"]
    (axis,) = picture(landscape).axes
    assert axis.lines[0].get_ydata()[-1] == pytest.approx(landscape.trace.item())
    (band,) = [part for part in axis.collections if isinstance(part, PolyCollection)]
    edge = band.get_paths()[-1].vertices
    last = edge[edge[:, 0] == edge[:, 0].max()][:, 1]
    assert (last.max() - last.min()) / 4 == pytest.approx(landscape.standard_error.item(), rel=1e-6)


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


def test_a_new_survey_brings_its_own_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(PICTURES, "atlas", raising=False)
    figure = Figure()
    draws("atlas")(lambda landscape: figure)
    assert picture(xr.Dataset(attrs={"survey": "atlas"})) is figure
    del PICTURES["atlas"]


@pytest.mark.parametrize("attrs", [{}, {"survey": "atlas"}])
def test_a_dataset_of_no_known_survey_is_refused(attrs: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match=r"no picture for survey .*; there are \[.*'convexity', .*'eigenvalues'"
    ):
        picture(xr.Dataset(attrs=attrs))
