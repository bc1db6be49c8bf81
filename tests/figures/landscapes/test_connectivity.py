import numpy as np
import xarray as xr
from looking import points, texts

from lossatlas.figures import picture
from lossatlas.figures.style import ERROR


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
