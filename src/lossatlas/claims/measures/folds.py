"""What a variable is where the plane curves down, and where it does not."""

import numpy as np
import xarray as xr

from lossatlas.claims.measures.reading import Datasets, described, name_of, units_of, variable_of
from lossatlas.measures.shape import principal_curvatures


def mean_by_curvature(
    datasets: Datasets,
    *,
    landscape: str = "convexity",
    variable: str = "ratio",
    surface: str = "loss",
    ratio: float = 0.1,
) -> xr.DataArray:
    """Mean of a variable over the points where the surface curves down, and over those where it does not.

    Adds a dimension ``curves_down``, false and true. A point curves down where the 2x2 Hessian of ``surface``, another
    variable of the landscape, has a negative eigenvalue of more than ``ratio`` times the other, as in
    `shape.negative_curvature`. The points are the inner ones of the grid at which both are known; NaN where there is
    no such point.

    >>> x = np.linspace(-1, 1, 5)
    >>> fold = xr.DataArray(np.tile(x**2 - 2 * x**4, (5, 1)), coords={"y": x, "x": x})  # down at abs(x) > 0.3
    >>> dataset = xr.Dataset({"loss": fold, "ratio": abs(fold.x) + 0 * fold})
    >>> mean_by_curvature({"convexity": dataset}).values
    array([0. , 0.5])
    """
    values = variable_of(datasets, landscape, variable, "y", "x").transpose(..., "y", "x")
    heights = variable_of(datasets, landscape, surface, "y", "x").transpose(..., "y", "x")
    x, y = heights["x"].values, heights["y"].values
    smallest, largest = xr.apply_ufunc(
        lambda z: principal_curvatures(x, y, z),
        heights,
        input_core_dims=[["y", "x"]],
        output_core_dims=[["y", "x"], ["y", "x"]],
        exclude_dims={"y", "x"},
        vectorize=True,
    )
    inner = values.isel(y=slice(1, -1), x=slice(1, -1)).drop_vars(["y", "x"])
    known = np.isfinite(smallest) & np.isfinite(inner)
    down = (smallest < 0) & ((-smallest > ratio * abs(largest)) | (largest <= 0))
    means = [inner.where(known & (down == curves)).mean(("y", "x")) for curves in (False, True)]
    joined = xr.concat(means, dim="curves_down").assign_coords(curves_down=[False, True])
    return described(
        joined.transpose(..., "curves_down"),
        f"mean {name_of(values)} by curvature of the plane",
        units_of(values),
    )
