import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lossatlas.figures import panels


def test_the_threshold_is_drawn_at_the_snapshots_whether_it_changes_or_not() -> None:
    values = xr.DataArray(
        [[1.0, 5.0, 9.0], [3.0, 7.0, np.inf]], coords={"seed": [0, 1], "snapshot": [0, 5, 20]}
    )
    for threshold in (xr.DataArray(8.0), xr.DataArray([8.0, 8.0, 80.0], coords={"snapshot": [0, 5, 20]})):
        axis = Figure().subplots()
        panels.sharpness_and_threshold(axis, values, threshold)
        sharpness, stable = axis.lines
        np.testing.assert_array_equal(sharpness.get_xdata(), [0, 5, 20])
        np.testing.assert_array_equal(sharpness.get_ydata(), [2, 6, np.nan])
        np.testing.assert_array_equal(stable.get_ydata(), np.broadcast_to(threshold, 3))
        assert axis.get_ylim()[0] == 0


def test_a_negative_eigenvalue_is_seen() -> None:
    axis = Figure().subplots()
    panels.sharpness_and_threshold(axis, xr.DataArray([-3.0, 5.0], coords={"snapshot": [0, 5]}))
    assert axis.get_ylim()[0] < -3
    assert len(axis.lines) == 1
