"""Measures of surfaces over two coordinates x and y. One number for each surface; one never surveyed is NaN."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr

from lossatlas.measures import shape, topology
from lossatlas.measures.datasets import centre_of, extent, number, variable_of
from lossatlas.measures.level_sets import interval_width, sublevel_area
from lossatlas.measures.selection import name_of, named, units_of


def area(surface: xr.Dataset, *, level: float, split: str = "train", variable: str = "loss") -> xr.DataArray:
    """Area of {loss < level} on a surface, in units of the two directions' lengths.

    Accurate below the size of a cell; see `level_sets.sublevel_area`.

    Parameters
    ----------
    surface : Dataset
        With the variable over (..., [split,] y, x).
    level : float
        Upper end of the set, in units of the variable.
    split, variable : str, default "train" and "loss"
        Which split, where there are several, and which variable of the dataset to take.

    Returns
    -------
    DataArray
        In units of x times y; a lower bound where the set reaches the edge of the plane.

    Raises
    ------
    ValueError
        For a variable, a dimension or a split that is not there.

    Examples
    --------
    >>> axis = np.linspace(-1, 1, 81)
    >>> cone = np.hypot(axis, axis[:, None])[None]
    >>> coords = {"x": axis, "y": axis, "split": ["train"]}
    >>> surface = xr.Dataset({"loss": (("split", "y", "x"), cone)}, coords)
    >>> area(surface, level=0.5).round(2).item()
    0.79
    """
    loss = variable_of(surface, variable, "x", "y", split=split)
    x, y = loss["x"].values, loss["y"].values
    areas = extent(lambda z: sublevel_area(x, y, z, level), loss, "y", "x")
    return named(areas, f"area of {{{split} {variable} < {level:g}}}", "α²")


def half_width(
    surface: xr.Dataset, *, level: float, along: str = "x", split: str = "train", variable: str = "loss"
) -> xr.DataArray:
    """Half the width, through the centre along one axis, of the part of {loss < level} that holds the centre.

    Linear between grid points; see `level_sets.interval_width`.

    Parameters
    ----------
    surface : Dataset
        With the variable over (..., [split,] y, x), or, of a line, over (..., [split,] alpha).
    level : float
        Upper end of the set, in units of the variable.
    along : str, default "x"
        "x" or "y" of a surface, "alpha" of a line.
    split, variable : str, default "train" and "loss"
        Which split, where there are several, and which variable of the dataset to take.

    Returns
    -------
    DataArray
        In units of the axis; a lower bound where the set reaches the end of it.

    Raises
    ------
    ValueError
        For a variable, a dimension or a split that is not there, and if the centre was not surveyed.

    Examples
    --------
    >>> axis = np.linspace(-1, 1, 41)
    >>> tent = abs(axis) + 2 * abs(axis[:, None])
    >>> surface = xr.Dataset({"loss": (("y", "x"), tent)}, {"x": axis, "y": axis})
    >>> [half_width(surface, level=0.5, along=axis).round(6).item() for axis in ("x", "y")]
    [0.5, 0.25]
    """
    loss = variable_of(surface, variable, along, split=split)
    for across in {"x", "y"} & set(loss.dims) - {along}:
        loss = loss.isel({across: centre_of(loss, across)}, drop=True)
    points = loss[along].values
    widths = extent(partial(interval_width, points, level=level, around=0.0), loss, along)
    return named(widths / 2, f"half-width along {along} of {{{split} {variable} < {level:g}}}", "α")


def components(
    surface: xr.Dataset, *, level: float, split: str = "train", variable: str = "loss"
) -> xr.DataArray:
    """Number of connected components of {loss < level}; see `topology.components`.

    Parameters
    ----------
    surface : Dataset
        With the variable over (..., [split,] y, x).
    level : float
        Upper end of the set, in units of the variable.
    split, variable : str, default "train" and "loss"
        Which split, where there are several, and which variable of the dataset to take.

    Returns
    -------
    DataArray
        Counts, 0 where nothing lies below.

    Raises
    ------
    ValueError
        For a variable, a dimension or a split that is not there.
    """
    loss = variable_of(surface, variable, "x", "y", split=split)
    numbers = number(partial(topology.components, level=level), loss, "y", "x")
    return named(numbers, f"components of {{{split} {variable} < {level:g}}}")


def most_components(
    surface: xr.Dataset, *, levels: Sequence[float], split: str = "train", variable: str = "loss"
) -> xr.DataArray:
    """Largest number of components of {loss < level} at any of the ``levels``; see `components`.

    Parameters
    ----------
    surface : Dataset
        With the variable over (..., [split,] y, x).
    levels : sequence of float
        Upper ends of the sets, in units of the variable.
    split, variable : str, default "train" and "loss"
        Which split, where there are several, and which variable of the dataset to take.

    Returns
    -------
    DataArray
        Counts.

    Raises
    ------
    ValueError
        Without levels; for a variable, a dimension or a split that is not there.
    """
    if not len(levels):
        raise ValueError("most_components needs at least one level, got none")
    numbers = [components(surface, level=level, split=split, variable=variable) for level in levels]
    most = xr.concat(numbers, "level").max("level")
    return named(most, f"most components of a sublevel set of the {split} {variable}")


def local_minima(
    surface: xr.Dataset, *, prominence: float = 0.01, split: str = "train", variable: str = "loss"
) -> xr.DataArray:
    """Number of local minima that are deeper than ``prominence``, in units of the loss; see `topology.local_minima`.

    Parameters
    ----------
    surface : Dataset
        With the variable over (..., [split,] y, x).
    prominence : float, default 0.01
        How far one must climb to leave a minimum that counts, in units of the variable.
    split, variable : str, default "train" and "loss"
        Which split, where there are several, and which variable of the dataset to take.

    Returns
    -------
    DataArray
        Counts; minima at the edge do not count.

    Raises
    ------
    ValueError
        For a negative prominence, and for a variable, a dimension or a split that is not there.
    """
    loss = variable_of(surface, variable, "x", "y", split=split)
    numbers = number(partial(topology.local_minima, prominence=prominence), loss, "y", "x")
    return named(numbers, f"local minima of the {split} {variable} deeper than {prominence:g}")


def negative_curvature(
    surface: xr.Dataset, *, ratio: float = 0.1, split: str = "train", variable: str = "loss"
) -> xr.DataArray:
    """Share of the plane where the surface curves down in some direction; see `shape.negative_curvature`.

    Parameters
    ----------
    surface : Dataset
        With the variable over (..., [split,] y, x).
    ratio : float, default 0.1
        In [0, 1): abs(lambda_min / lambda_max) of the plane's Hessian beyond which a point counts.
    split, variable : str, default "train" and "loss"
        Which split, where there are several, and which variable of the dataset to take.

    Returns
    -------
    DataArray
        In [0, 1].

    Raises
    ------
    ValueError
        For fewer than 3x3 points, a ratio out of range, and a variable, a dimension or a split that is not there.
    """
    loss = variable_of(surface, variable, "x", "y", split=split)
    x, y = loss["x"].values, loss["y"].values
    shares = number(lambda z: shape.negative_curvature(x, y, z, ratio=ratio), loss, "y", "x")
    return named(shares, f"share of the plane where the {split} {variable} curves down")


def roughness(surface: xr.Dataset, *, split: str = "train", variable: str = "loss") -> xr.DataArray:
    """Roughness between 0 (a plane) and 2 (a checkerboard); see `shape.roughness`.

    Parameters
    ----------
    surface : Dataset
        With the variable over (..., [split,] y, x).
    split, variable : str, default "train" and "loss"
        Which split, where there are several, and which variable of the dataset to take.

    Returns
    -------
    DataArray
        Without a unit; about 1.12 for independent noise.

    Raises
    ------
    ValueError
        For fewer than 3x3 points, and for a variable, a dimension or a split that is not there.
    """
    loss = variable_of(surface, variable, "x", "y", split=split)
    return named(number(shape.roughness, loss, "y", "x"), f"roughness of the {split} {variable}")


def value_range(surface: xr.Dataset, *, split: str = "train", variable: str = "loss") -> xr.DataArray:
    """Largest less smallest value; infinite where the surface leaves float range. Of such, take `log10`.

    Parameters
    ----------
    surface : Dataset
        With the variable over (..., [split,] y, x).
    split, variable : str, default "train" and "loss"
        Which split, where there are several, and which variable of the dataset to take.

    Returns
    -------
    DataArray
        In the variable's units.

    Raises
    ------
    ValueError
        For a variable, a dimension or a split that is not there.

    Examples
    --------
    >>> surface = xr.Dataset({"loss": (("seed", "y", "x"), [[[1.0, 4.0]], [[1.0, np.nan]], [[np.nan, np.nan]]])})
    >>> value_range(surface).values
    array([ 3., inf, nan])
    """
    loss = variable_of(surface, variable, "x", "y", split=split)
    plane = ("y", "x")
    whole = loss.where((abs(loss) < np.inf).all(plane))
    ranges = (whole.max(plane) - whole.min(plane)).fillna(np.inf).where(loss.notnull().any(plane))
    return named(ranges, f"range of the {split} {variable}", units_of(loss))


def share_above(
    convexity: xr.Dataset, *, threshold: float, variable: str = "ratio", split: str = "train"
) -> xr.DataArray:
    """Share of the plane's points at which a variable exceeds ``threshold``; points that are NaN do not count.

    Parameters
    ----------
    convexity : Dataset
        With the variable over (..., [split,] y, x).
    threshold : float
        In units of the variable.
    variable, split : str, default "ratio" and "train"
        Which variable of the dataset to take, and which split, where there are several.

    Returns
    -------
    DataArray
        In [0, 1].

    Raises
    ------
    ValueError
        For a variable, a dimension or a split that is not there.

    Examples
    --------
    >>> ratio = xr.DataArray([[0.2, float("nan")], [0.01, 0.3]], dims=("y", "x"))
    >>> round(share_above(xr.Dataset({"ratio": ratio}), threshold=0.1).item(), 3)
    0.667
    """
    values = variable_of(convexity, variable, "x", "y", split=split)
    shares = (values > threshold).where(values.notnull()).mean(("y", "x"))
    return named(shares, f"share of the plane where the {name_of(values)} exceeds {threshold:g}")


def mean_over_plane(convexity: xr.Dataset, *, variable: str = "ratio", split: str = "train") -> xr.DataArray:
    """Mean of a variable over the plane's points; points that are NaN do not count.

    Parameters
    ----------
    convexity : Dataset
        With the variable over (..., [split,] y, x).
    variable, split : str, default "ratio" and "train"
        Which variable of the dataset to take, and which split, where there are several.

    Returns
    -------
    DataArray
        In the variable's units.

    Raises
    ------
    ValueError
        For a variable, a dimension or a split that is not there.

    Examples
    --------
    >>> ratio = xr.DataArray([[0.25, float("nan")], [0.5, 0.75]], dims=("y", "x"))
    >>> mean_over_plane(xr.Dataset({"ratio": ratio})).item()
    0.5
    """
    values = variable_of(convexity, variable, "x", "y", split=split)
    return named(values.mean(("y", "x")), f"mean {name_of(values)} over the plane", units_of(values))


def mean_by_curvature(
    convexity: xr.Dataset, *, variable: str = "ratio", heights: str = "loss", ratio: float = 0.1
) -> xr.DataArray:
    """Mean of a variable over the points where the surface curves down, and over those where it does not.

    A point curves down where the 2x2 Hessian of ``heights`` has a negative eigenvalue of more than ``ratio`` times the
    other, as in `shape.negative_curvature`. The points are the inner ones of the grid at which both are known.

    Parameters
    ----------
    convexity : Dataset
        With both variables over (..., y, x).
    variable : str, default "ratio"
        The one to average.
    heights : str, default "loss"
        The one whose curvature counts.
    ratio : float, default 0.1
        abs(lambda_min / lambda_max) of the plane's Hessian beyond which a point curves down.

    Returns
    -------
    DataArray
        (..., curves_down), false and true, in the variable's units; NaN where there is no such point.

    Raises
    ------
    ValueError
        For a variable or a dimension that is not there.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 5)
    >>> fold = xr.DataArray(np.tile(x**2 - 2 * x**4, (5, 1)), coords={"y": x, "x": x})  # down at abs(x) > 0.3
    >>> dataset = xr.Dataset({"loss": fold, "ratio": abs(fold.x) + 0 * fold})
    >>> mean_by_curvature(dataset).values
    array([0. , 0.5])
    """
    values = variable_of(convexity, variable, "y", "x").transpose(..., "y", "x")
    surface = variable_of(convexity, heights, "y", "x").transpose(..., "y", "x")
    x, y = surface["x"].values, surface["y"].values
    smallest, largest = xr.apply_ufunc(
        lambda z: shape.principal_curvatures(x, y, z),
        surface,
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
    return named(
        joined.transpose(..., "curves_down"),
        f"mean {name_of(values)} by curvature of the plane",
        units_of(values),
    )
