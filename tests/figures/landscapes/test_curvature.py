import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import PolyCollection, QuadMesh

from lossatlas.figures import picture


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
