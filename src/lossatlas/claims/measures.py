"""Measures: functions from an experiment's datasets to one array over the sweep's dimensions.

A dataset of ``datasets`` is one landscape over all networks of the sweep; cells that were not
surveyed are NaN and stay NaN. What a measure returns carries ``long_name`` and ``units``. Where a
value is only a lower bound, because a level set reaches the end of what was surveyed, the
non-index coordinate ``open`` is true.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import xarray as xr

from lossatlas.claims.level_sets import Extent, interval_width, sublevel_area
from lossatlas.claims.selection import Selector, select

Datasets = Mapping[str, xr.Dataset]

_PRINTED = {"1": "", "percent": "%"}  # units of a dataset, as they follow a number


def value(
    datasets: Datasets,
    *,
    landscape: str,
    variable: str,
    at: Selector | None = None,
    scale: float = 1.0,
    units: str | None = None,
) -> xr.DataArray:
    """A variable as it stands, at the coordinates ``at``, times ``scale`` (then in ``units``).

    >>> errors = xr.Dataset({"test_error": ("seed", [0.25, 0.125])})
    >>> value({"summary": errors}, landscape="summary", variable="test_error", scale=100, units="%").values
    array([25. , 12.5])
    """
    values = select(_variable(datasets, landscape, variable), at or {})
    return _described(values * scale, _long_name(values), units or values.attrs.get("units", ""))


def last(datasets: Datasets, *, landscape: str, variable: str, along: str) -> xr.DataArray:
    """A variable's last value along a dimension, such as the weight norm after the last epoch.

    >>> history = xr.Dataset({"weight_norm": (("seed", "epoch"), [[60.0, 90.0, 158.0]])})
    >>> last({"history": history}, landscape="history", variable="weight_norm", along="epoch").values
    array([158.])
    """
    values = _variable(datasets, landscape, variable)
    _require_dims(values, landscape, along)
    final = values.isel({along: -1}, drop=True)
    return _described(final, f"{_long_name(values)} at the last {along}", values.attrs.get("units", ""))


def width(
    datasets: Datasets,
    *,
    landscape: str,
    level: float,
    around: float | Sequence[float] = 0.0,
    split: str = "train",
    variable: str = "loss",
) -> xr.DataArray:
    """Width in alpha of the connected part of {loss < level} that holds alpha = ``around``.

    With several points ``around``, one new dimension of that name tells them apart. Linear between
    grid points; see `level_sets.interval_width` for NaN, infinite and unbounded cases.

    >>> alpha = np.linspace(-1, 1, 21)
    >>> coords = {"alpha": alpha, "split": ["train"]}
    >>> bowl = xr.Dataset({"loss": (("split", "alpha"), [2 * abs(alpha)])}, coords)
    >>> width({"line": bowl}, landscape="line", level=1.0).item()
    1.0
    """
    loss = select(_variable(datasets, landscape, variable), {"split": split})
    _require_dims(loss, landscape, "alpha")
    points = [around] if isinstance(around, int | float) else list(around)
    alpha = loss["alpha"].values
    widths_around = [partial(interval_width, alpha, level=level, around=point) for point in points]
    arrays = [_extent(width_around, loss, ["alpha"]) for width_around in widths_around]
    widths = xr.concat(arrays, xr.Variable("around", points))
    if isinstance(around, int | float):
        widths = widths.isel(around=0, drop=True)
    return _described(widths, f"width of {{{split} {variable} < {level:g}}}", "α")


def area(
    datasets: Datasets,
    *,
    level: float,
    landscape: str = "surface",
    split: str = "train",
    variable: str = "loss",
) -> xr.DataArray:
    """Area of {loss < level} on a surface, in units of the two directions' lengths.

    Accurate below the size of a cell; see `level_sets.sublevel_area`.

    >>> axis = np.linspace(-1, 1, 81)
    >>> cone = np.hypot(axis, axis[:, None])[None]
    >>> coords = {"x": axis, "y": axis, "split": ["train"]}
    >>> surface = xr.Dataset({"loss": (("split", "y", "x"), cone)}, coords)
    >>> area({"surface": surface}, level=0.5).round(2).item()
    0.79
    """
    loss = select(_variable(datasets, landscape, variable), {"split": split})
    _require_dims(loss, landscape, "x", "y")
    x, y = loss["x"].values, loss["y"].values
    areas = _extent(lambda z: sublevel_area(x, y, z, level), loss, ["y", "x"])
    return _described(areas, f"area of {{{split} {variable} < {level:g}}}", "α²")


def rise(
    datasets: Datasets,
    *,
    landscape: str = "line",
    beyond: float = 0.3,
    split: str = "train",
    variable: str = "loss",
) -> xr.DataArray:
    """L(alpha) - L(0), averaged over directions, at every surveyed abs(alpha) >= ``beyond``. Keeps alpha.

    >>> alpha = np.array([-1.0, -0.3, -0.1, 0.0, 0.1, 0.3, 1.0])
    >>> loss = np.stack([1 + alpha**2, 1 + 3 * alpha**2])[:, None]
    >>> coords = {"alpha": alpha, "split": ["train"]}
    >>> rise({"line": xr.Dataset({"loss": (("direction", "split", "alpha"), loss)}, coords)}).values
    array([2.  , 0.18, 0.18, 2.  ])
    """
    loss = select(_variable(datasets, landscape, variable), {"split": split})
    _require_dims(loss, landscape, "alpha", "direction")
    alpha = loss["alpha"].values
    centre = int(abs(alpha).argmin())
    if abs(alpha[centre]) > 1e-9:
        raise ValueError(f"rise needs the loss at alpha = 0; the nearest surveyed point is {alpha[centre]:g}")
    far = np.flatnonzero(abs(alpha) >= beyond - 1e-9)  # 0.3 of a grid is not always the float 0.3
    if not far.size:
        raise ValueError(f"no surveyed point has abs(alpha) >= {beyond:g}; alpha spans {_span(alpha)}")
    rises = (loss.isel(alpha=far) - loss.isel(alpha=centre, drop=True)).mean("direction", skipna=False)
    return _described(rises, f"rise of the {split} {variable} at |α| >= {beyond:g}", "")


def log(values: xr.DataArray) -> xr.DataArray:
    """Natural logarithm, NaN where the value is not positive.

    >>> log(xr.DataArray([1.0, 0.0])).values
    array([ 0., nan])
    """
    return xr.apply_ufunc(np.log, values.where(values > 0), keep_attrs=True)


def _variable(datasets: Datasets, landscape: str, variable: str) -> xr.DataArray:
    if landscape not in datasets:
        raise ValueError(f"no landscape {landscape!r}; there are {sorted(datasets)}")
    if variable not in datasets[landscape]:
        raise ValueError(f"{landscape!r} has no {variable!r}; it has {sorted(map(str, datasets[landscape]))}")
    return datasets[landscape][variable]


def _require_dims(values: xr.DataArray, landscape: str, *dims: str) -> None:
    missing = [dim for dim in dims if dim not in values.dims]
    if missing:
        raise ValueError(f"{landscape!r} has no dimension {missing[0]!r}; it has {list(values.dims)}")


def _extent(extent: Callable[[np.ndarray], Extent], values: xr.DataArray, dims: list[str]) -> xr.DataArray:
    """Apply ``extent`` over ``dims``; what it finds open becomes the coordinate ``open``."""
    sizes, is_open = xr.apply_ufunc(
        extent,
        values,
        input_core_dims=[dims],
        output_core_dims=[[], []],
        vectorize=True,
        output_dtypes=[float, bool],
    )
    return sizes.assign_coords(open=is_open)


def _described(values: xr.DataArray, long_name: str, units: str) -> xr.DataArray:
    described = values.copy(deep=False)
    described.attrs = {"long_name": long_name, "units": _PRINTED.get(units, units)}
    return described


def _long_name(values: xr.DataArray) -> str:
    return str(values.attrs.get("long_name", values.name)).replace("_", " ")


def _span(alpha: np.ndarray) -> str:
    return f"[{alpha.min():g}, {alpha.max():g}]"
