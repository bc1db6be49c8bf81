"""Measures of surfaces over two coordinates x and y. One number for each surface; one never surveyed is NaN."""

from collections.abc import Sequence
from functools import partial

import xarray as xr

from lossatlas.claims.measures.reading import (
    Datasets,
    centre_of,
    described,
    extent,
    name_of,
    number,
    units_of,
    variable_of,
)
from lossatlas.measures import shape, topology
from lossatlas.measures.level_sets import interval_width, sublevel_area


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

    >>> import numpy as np
    >>> axis = np.linspace(-1, 1, 81)
    >>> cone = np.hypot(axis, axis[:, None])[None]
    >>> coords = {"x": axis, "y": axis, "split": ["train"]}
    >>> surface = xr.Dataset({"loss": (("split", "y", "x"), cone)}, coords)
    >>> area({"surface": surface}, level=0.5).round(2).item()
    0.79
    """
    loss = variable_of(datasets, landscape, variable, "x", "y", split=split)
    x, y = loss["x"].values, loss["y"].values
    areas = extent(lambda z: sublevel_area(x, y, z, level), loss, "y", "x")
    return described(areas, f"area of {{{split} {variable} < {level:g}}}", "α²")


def half_width(
    datasets: Datasets,
    *,
    level: float,
    along: str = "x",
    landscape: str = "surface",
    split: str = "train",
    variable: str = "loss",
) -> xr.DataArray:
    """Half the width, through the centre along one axis, of the part of {loss < level} that holds the centre.

    ``along``: "x" or "y" of a surface, "alpha" of a line. Linear between grid points; see `level_sets.interval_width`.

    >>> import numpy as np
    >>> axis = np.linspace(-1, 1, 41)
    >>> tent = abs(axis) + 2 * abs(axis[:, None])
    >>> surface = xr.Dataset({"loss": (("y", "x"), tent)}, {"x": axis, "y": axis})
    >>> [half_width({"surface": surface}, level=0.5, along=axis).round(6).item() for axis in ("x", "y")]
    [0.5, 0.25]
    """
    loss = variable_of(datasets, landscape, variable, along, split=split)
    for across in {"x", "y"} & set(loss.dims) - {along}:
        loss = loss.isel({across: centre_of(loss, across)}, drop=True)
    points = loss[along].values
    widths = extent(partial(interval_width, points, level=level, around=0.0), loss, along)
    return described(widths / 2, f"half-width along {along} of {{{split} {variable} < {level:g}}}", "α")


def components(
    datasets: Datasets,
    *,
    level: float,
    landscape: str = "surface",
    split: str = "train",
    variable: str = "loss",
) -> xr.DataArray:
    """Number of connected components of {loss < level}; see `topology.components`."""
    loss = variable_of(datasets, landscape, variable, "x", "y", split=split)
    numbers = number(partial(topology.components, level=level), loss, "y", "x")
    return described(numbers, f"components of {{{split} {variable} < {level:g}}}", "")


def most_components(
    datasets: Datasets,
    *,
    levels: Sequence[float],
    landscape: str = "surface",
    split: str = "train",
    variable: str = "loss",
) -> xr.DataArray:
    """Largest number of components of {loss < level} at any of the ``levels``; see `topology.most_components`."""
    loss = variable_of(datasets, landscape, variable, "x", "y", split=split)
    numbers = number(partial(topology.most_components, levels=list(levels)), loss, "y", "x")
    return described(numbers, f"most components of a sublevel set of the {split} {variable}", "")


def local_minima(
    datasets: Datasets,
    *,
    prominence: float = 0.01,
    landscape: str = "surface",
    split: str = "train",
    variable: str = "loss",
) -> xr.DataArray:
    """Number of local minima that are deeper than ``prominence``, in units of the loss; see `topology.local_minima`."""
    loss = variable_of(datasets, landscape, variable, "x", "y", split=split)
    numbers = number(partial(topology.local_minima, prominence=prominence), loss, "y", "x")
    return described(numbers, f"local minima of the {split} {variable} deeper than {prominence:g}", "")


def negative_curvature(
    datasets: Datasets,
    *,
    ratio: float = 0.1,
    landscape: str = "surface",
    split: str = "train",
    variable: str = "loss",
) -> xr.DataArray:
    """Share of the plane where the surface curves down in some direction; see `shape.negative_curvature`."""
    loss = variable_of(datasets, landscape, variable, "x", "y", split=split)
    x, y = loss["x"].values, loss["y"].values
    shares = number(lambda z: shape.negative_curvature(x, y, z, ratio=ratio), loss, "y", "x")
    return described(shares, f"share of the plane where the {split} {variable} curves down", "")


def roughness(
    datasets: Datasets, *, landscape: str = "surface", split: str = "train", variable: str = "loss"
) -> xr.DataArray:
    """Roughness between 0 (a plane) and 2 (a checkerboard); see `shape.roughness`."""
    loss = variable_of(datasets, landscape, variable, "x", "y", split=split)
    return described(number(shape.roughness, loss, "y", "x"), f"roughness of the {split} {variable}", "")


def value_range(
    datasets: Datasets, *, landscape: str = "surface", split: str = "train", variable: str = "loss"
) -> xr.DataArray:
    """Largest less smallest value; infinite where the surface leaves float range. Of such, take `log10`."""
    loss = variable_of(datasets, landscape, variable, "x", "y", split=split)
    ranges = number(shape.value_range, loss, "y", "x")
    return described(ranges, f"range of the {split} {variable}", units_of(loss))


def share_above(
    datasets: Datasets,
    *,
    threshold: float,
    landscape: str = "convexity",
    variable: str = "ratio",
    split: str = "train",
) -> xr.DataArray:
    """Share of the plane's points at which a variable exceeds ``threshold``; points that are NaN do not count.

    >>> ratio = xr.DataArray([[0.2, float("nan")], [0.01, 0.3]], dims=("y", "x"))
    >>> round(share_above({"convexity": xr.Dataset({"ratio": ratio})}, threshold=0.1).item(), 3)
    0.667
    """
    values = variable_of(datasets, landscape, variable, "x", "y", split=split)
    shares = (values > threshold).where(values.notnull()).mean(("y", "x"))
    return described(shares, f"share of the plane where the {name_of(values)} exceeds {threshold:g}", "")


def mean_over_plane(
    datasets: Datasets, *, landscape: str = "convexity", variable: str = "ratio", split: str = "train"
) -> xr.DataArray:
    """Mean of a variable over the plane's points; points that are NaN do not count.

    >>> ratio = xr.DataArray([[0.25, float("nan")], [0.5, 0.75]], dims=("y", "x"))
    >>> mean_over_plane({"convexity": xr.Dataset({"ratio": ratio})}).item()
    0.5
    """
    values = variable_of(datasets, landscape, variable, "x", "y", split=split)
    return described(values.mean(("y", "x")), f"mean {name_of(values)} over the plane", units_of(values))
