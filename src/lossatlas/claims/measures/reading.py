"""Reading variables from an experiment's datasets, and applying functions of plain arrays to them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from lossatlas.measures.level_sets import Extent
from lossatlas.measures.selection import select

Datasets = Mapping[str, xr.Dataset]
Measure = Callable[[Datasets], xr.DataArray]  # over the sweep's dimensions

_PRINTED = {"1": "", "percent": "%"}  # units of a dataset, as they follow a number


def variable_of(
    datasets: Datasets, landscape: str, variable: str, *dims: str, split: str | None = None
) -> xr.DataArray:
    """A landscape's variable, which must have ``dims``; at ``split``, where it tells splits apart.

    ValueError for a landscape, a variable, a dimension or a split that is not there.
    """
    if landscape not in datasets:
        raise ValueError(f"no landscape {landscape!r}; there are {sorted(datasets)}")
    if variable not in datasets[landscape]:
        raise ValueError(f"{landscape!r} has no {variable!r}; it has {sorted(map(str, datasets[landscape]))}")
    values = datasets[landscape][variable]
    if split is not None and "split" in values.dims:
        values = select(values, {"split": split})
    missing = [dim for dim in dims if dim not in values.dims]
    if missing:
        raise ValueError(f"{landscape!r} has no dimension {missing[0]!r}; it has {list(values.dims)}")
    return values


def centre_of(values: xr.DataArray, dim: str) -> int:
    """Index of the point at 0 along ``dim``, where the network is. ValueError if it was not surveyed."""
    at = values[dim].values
    centre = int(abs(at).argmin())
    if abs(at[centre]) > 1e-9:
        raise ValueError(
            f"the {values.name} at {dim} = 0 is needed; the nearest surveyed point is {at[centre]:g}"
        )
    return centre


def number(function: Callable[..., float], values: xr.DataArray, *dims: str) -> xr.DataArray:
    """Apply ``function`` of a plain array over ``dims``, to one number for each network."""
    return xr.apply_ufunc(
        function, values, input_core_dims=[dims], vectorize=True, output_dtypes=[float], keep_attrs=False
    )


def extent(function: Callable[..., Extent], values: xr.DataArray, *dims: str) -> xr.DataArray:
    """Apply ``function`` over ``dims``; what it finds open becomes the coordinate ``open``."""
    sizes, is_open = xr.apply_ufunc(
        function,
        values,
        input_core_dims=[dims],
        output_core_dims=[[], []],
        vectorize=True,
        output_dtypes=[float, bool],
    )
    return sizes.assign_coords(open=is_open)


def described(values: xr.DataArray, long_name: str, units: str) -> xr.DataArray:
    """Copy of ``values`` that carries just this description."""
    copy = values.copy(deep=False)
    copy.attrs = {"long_name": long_name, "units": _PRINTED.get(units, units)}
    return copy


def name_of(values: xr.DataArray) -> str:
    """What the values are, in words."""
    return str(values.attrs.get("long_name", values.name)).replace("_", " ")


def units_of(values: xr.DataArray) -> str:
    """Units of the values, "" where there are none."""
    units: Any = values.attrs.get("units", "")
    return str(units)


def span(points: np.ndarray) -> str:
    """Range of the surveyed points, for a message."""
    return f"[{points.min():g}, {points.max():g}]"
