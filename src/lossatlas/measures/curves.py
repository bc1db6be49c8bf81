"""Measures of curves: lines through a network and paths between two over alpha, courses over epochs, axes of sweeps."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr

from lossatlas.measures.arithmetic import known
from lossatlas.measures.bounds import bounded
from lossatlas.measures.datasets import centre_of, extent, span, variable_of
from lossatlas.measures.level_sets import interval_width
from lossatlas.measures.selection import (
    Label,
    Selector,
    choose,
    describe,
    name_of,
    named,
    require,
    select,
    units_of,
)


def width(
    line: xr.Dataset,
    *,
    level: float,
    around: float | Sequence[float] = 0.0,
    split: str = "train",
    variable: str = "loss",
) -> xr.DataArray:
    """Width in alpha of the connected part of {loss < level} that holds alpha = ``around``.

    Linear between grid points; see `level_sets.interval_width`.

    Parameters
    ----------
    line : Dataset
        With the variable over (..., [split,] alpha).
    level : float
        Upper end of the set, in units of the variable.
    around : float or sequence of float, default 0.0
        Where on the line the set is to lie; 0 is the network. Several lie along one new dimension of that name.
    split, variable : str, default "train" and "loss"
        Which split, where there are several, and which variable of the dataset to take.

    Returns
    -------
    DataArray
        (..., [around]), in units of alpha: 0 where the loss at the point is not below the level, NaN where nothing was
        surveyed, and a lower bound where the set reaches the end of what was.

    Raises
    ------
    ValueError
        For a variable, a dimension or a split that is not there, and for a point that is not within alpha.

    Examples
    --------
    >>> alpha = np.linspace(-1, 1, 21)
    >>> coords = {"alpha": alpha, "split": ["train"]}
    >>> bowl = xr.Dataset({"loss": (("split", "alpha"), [2 * abs(alpha)])}, coords)
    >>> width(bowl, level=1.0).item()
    1.0
    """
    loss = variable_of(line, variable, "alpha", split=split)
    points = [around] if isinstance(around, int | float) else list(around)
    alpha = loss["alpha"].values
    widths_around = [partial(interval_width, alpha, level=level, around=point) for point in points]
    arrays = [extent(width_around, loss, "alpha") for width_around in widths_around]
    widths = xr.concat(arrays, xr.Variable("around", points))
    if isinstance(around, int | float):
        widths = widths.isel(around=0, drop=True)
    return named(widths, f"width of {{{split} {variable} < {level:g}}}", "α")


def rise(
    line: xr.Dataset, *, beyond: float = 0.3, split: str = "train", variable: str = "loss"
) -> xr.DataArray:
    """L(alpha) - L(0), averaged over directions, at every surveyed abs(alpha) >= ``beyond``. Keeps alpha.

    Parameters
    ----------
    line : Dataset
        With the variable over (..., direction, [split,] alpha).
    beyond : float, default 0.3
        Least abs(alpha) that is kept.
    split, variable : str, default "train" and "loss"
        Which split, where there are several, and which variable of the dataset to take.

    Returns
    -------
    DataArray
        (..., alpha), in the variable's units.

    Raises
    ------
    ValueError
        If no such point was surveyed, or not the one at 0; for a variable, a dimension or a split that is not there.

    Examples
    --------
    >>> alpha = np.array([-1.0, -0.3, -0.1, 0.0, 0.1, 0.3, 1.0])
    >>> loss = np.stack([1 + alpha**2, 1 + 3 * alpha**2])[:, None]
    >>> coords = {"alpha": alpha, "split": ["train"]}
    >>> rise(xr.Dataset({"loss": (("direction", "split", "alpha"), loss)}, coords)).values
    array([2.  , 0.18, 0.18, 2.  ])
    """
    loss = variable_of(line, variable, "alpha", "direction", split=split)
    alpha = loss["alpha"].values
    centre = centre_of(loss, "alpha")
    far = np.flatnonzero(abs(alpha) >= beyond - 1e-9)  # 0.3 of a grid is not always the float 0.3
    if not far.size:
        raise ValueError(f"no surveyed point has abs(alpha) >= {beyond:g}; alpha spans {span(alpha)}")
    rises = (loss.isel(alpha=far) - loss.isel(alpha=centre, drop=True)).mean("direction", skipna=False)
    return named(rises, f"rise of the {split} {variable} at |α| >= {beyond:g}", units_of(loss))


def bump(interpolation: xr.Dataset, *, variable: str = "error", split: str = "test") -> xr.DataArray:
    """How far a variable halfway between two networks, at alpha 1/2, lies above the larger of its values at the two.

    Parameters
    ----------
    interpolation : Dataset
        With the variable over (..., [split,] alpha).
    variable, split : str, default "error" and "test"
        Which variable of the dataset to take, and which split, where there are several.

    Returns
    -------
    DataArray
        In the variable's units; negative where it lies below both.

    Raises
    ------
    ValueError
        Unless alpha 0, 1/2 and 1 are surveyed; for a variable or a split that is not there.

    Examples
    --------
    >>> bump(xr.Dataset({"error": ("alpha", [0.25, 0.75, 0.5])}, {"alpha": [0.0, 0.5, 1.0]})).item()
    0.25
    """
    values = variable_of(interpolation, variable, "alpha", split=split)
    start, middle, end = (select(values, {"alpha": alpha}) for alpha in (0.0, 0.5, 1.0))
    above = middle - np.maximum(start, end)
    return named(above, f"{split} {variable} halfway less at the worse end", units_of(values))


def change(values: xr.DataArray, *, along: str, after: Sequence[float]) -> xr.DataArray:
    """By how much ``values`` are larger at the next place of a dimension than at each place ``after``. Keeps these.

    Parameters
    ----------
    values : DataArray
        (..., along).
    along : str
        Dimension along which places follow each other.
    after : sequence of float
        Its places to compare with their next.

    Returns
    -------
    DataArray
        (..., along) at the places ``after``, in the units of the values.

    Raises
    ------
    ValueError
        For a place that is not there, or is the last.

    Examples
    --------
    >>> loss = xr.DataArray([3.0, 1.0, 2.5, 0.5], coords={"epoch": [1, 2, 3, 4]})
    >>> change(loss, along="epoch", after=[2, 3]).values
    array([ 1.5, -2. ])
    """
    require(values, along)
    places = values[along].values.tolist()
    for place in after:
        if place not in places[:-1]:
            raise ValueError(f"{along} has no {place} with another after it; it has {places}")
    nexts = [places[places.index(place) + 1] for place in after]
    there = choose(values, along, list(after))
    rise = choose(values, along, nexts).assign_coords({along: there[along].values}) - there
    return named(rise, f"change of {name_of(values)} to the next {along}", units_of(values))


def first_below(values: xr.DataArray, level: xr.DataArray, *, along: str) -> xr.DataArray:
    """First place of a dimension where ``values`` are below the network's ``level``. In units of the dimension.

    Parameters
    ----------
    values : DataArray
        (..., along).
    level : DataArray
        One for each network, in the units of the values.
    along : str
        Dimension whose places are looked through.

    Returns
    -------
    DataArray
        In units of the dimension. NaN where the values never are, or where there is no level.

    Raises
    ------
    ValueError
        If there is no such dimension.

    Examples
    --------
    >>> losses = xr.DataArray([[2.0, 0.9, 0.3], [2.0, 1.5, 1.0]], coords={"seed": [0, 1], "epoch": [1, 2, 3]})
    >>> first_below(losses, xr.DataArray([1.0, 0.5], dims="seed"), along="epoch").values
    array([ 2., nan])
    """
    require(values, along)
    values, of_level = xr.align(values, level, join="inner")
    below = values < of_level
    places = below.idxmax(along).where(below.any(along), np.nan).astype(np.float64)
    meaning = f"first {along} at which {name_of(values)} is below {name_of(of_level)}"
    return named(places, meaning, units_of(values[along]))


def crossover(values: xr.DataArray, *, along: str, ahead: Selector, behind: Selector) -> xr.DataArray:
    """First place of a dimension from which on ``values`` stay greater in one arm than in another, to the last place.

    Parameters
    ----------
    values : DataArray
        (..., along).
    along : str
        Dimension whose places are looked through. Places at which either arm is NaN are left out.
    ahead, behind : Selector
        The arm that is greater, and the other: dimension -> the value wanted of it, or a list of those wanted.

    Returns
    -------
    DataArray
        In units of the dimension. Where the one is not greater at the last place, that place, as a lower bound; NaN
        where all places are left out.

    Raises
    ------
    ValueError
        For a dimension, or a value on one, that is not there.

    Examples
    --------
    >>> distances = xr.DataArray([[3.0, 4.0, 4.5, 4.6], [1.0, 3.0, 5.0, 8.0]],
    ...                          coords={"width": [1, 10], "epoch": [1, 2, 3, 4]})
    >>> crossover(distances, along="epoch", ahead={"width": 10}, behind={"width": 1}).item()
    3.0
    >>> crossover(distances, along="epoch", ahead={"width": 1}, behind={"width": 10}).coords["open"].item()
    True
    """
    require(values, along)
    gap = select(values, ahead) - select(values, behind)
    places = gap[along].astype(np.float64)
    is_known = gap.notnull()
    end = places.where(is_known).max(along)
    held_up = places.where(is_known & (gap <= 0)).max(along)  # the last place at which it is not yet ahead
    first = places.where(is_known & ((places > held_up) | held_up.isnull())).min(along)
    found = bounded(first.fillna(end), first.isnull() & end.notnull())
    meaning = (
        f"{along} from which on {name_of(values)} is greater at {describe(ahead)} than at {describe(behind)}"
    )
    return named(found, meaning, units_of(values[along]))


def slope(
    values: xr.DataArray, *, along: str, among: Sequence[Label] | None = None, log: bool = False
) -> xr.DataArray:
    """Least-squares slope of ``values`` against those of an axis, or with ``log`` against their natural logarithms.

    Parameters
    ----------
    values : DataArray
        (..., along).
    along : str
        Axis to take the slope against, one of numbers.
    among : sequence of str, int or float, optional
        Values of the axis to take, by default all.
    log : bool, default False
        Against the natural logarithm of the axis; by default against its values.

    Returns
    -------
    DataArray
        Change of the values for 1 along the axis. NaN as soon as they are not finite, or only a bound, at one place.

    Raises
    ------
    ValueError
        For fewer than two values, for words, and for the logarithm of what is not positive.

    Examples
    --------
    >>> errors = xr.DataArray([[1.0, 2.0], [2.0, 2.5], [3.0, 3.0]], coords={"depth": [10, 20, 40], "seed": [0, 1]})
    >>> (slope(errors, along="depth", log=True) * np.log(2)).values
    array([1. , 0.5])
    """
    values = choose(known(values), along, among)
    places = _places(values, along, log)
    centred = places - places.mean()
    slopes = (values * centred).sum(along, skipna=False) / (centred**2).sum()
    against = f"log {along}" if log else along
    return named(slopes, f"slope of {name_of(values)} against {against}")


def _places(values: xr.DataArray, along: str, log: bool) -> xr.DataArray:
    places = values[along]
    if not np.issubdtype(places.dtype, np.number):
        raise ValueError(f"slope needs an axis of numbers; {along} has {places.values.tolist()}")
    if places.size < 2:
        raise ValueError(f"slope needs two values of {along} or more; it has {places.values.tolist()}")
    if log and (places <= 0).any():
        raise ValueError(
            f"slope against a logarithm needs positive values; {along} has {places.values.tolist()}"
        )
    return xr.apply_ufunc(np.log, places.astype(float)) if log else places.astype(float)


def linearity(values: xr.DataArray, *, along: str, among: Sequence[Label] | None = None) -> xr.DataArray:
    """Share of the variance along an axis that a least-squares line in the axis's values explains: R squared.

    Parameters
    ----------
    values : DataArray
        (..., along).
    along : str
        Axis that the line is over, one of numbers.
    among : sequence of str, int or float, optional
        Values of the axis to take, by default all.

    Returns
    -------
    DataArray
        In [0, 1]. NaN as soon as the values are not finite, or only a bound, at one place, and where they do not vary.

    Raises
    ------
    ValueError
        For fewer than three values, which a line may always fit, and for words.

    Examples
    --------
    >>> coords = {"seed": [0, 1], "checkpoints": [0, 1, 3]}
    >>> seconds = xr.DataArray([[1.0, 2.0, 4.0], [1.0, 3.0, 1.0]], coords)
    >>> linearity(seconds, along="checkpoints").round(3).values
    array([1.   , 0.036])
    """
    values = choose(values, along, among)
    places = values[along]
    if not np.issubdtype(places.dtype, np.number):
        raise ValueError(f"a line needs an axis of numbers; {along} has {places.values.tolist()}")
    if places.size < 3:
        raise ValueError(f"a line fits two values always; {along} has {places.values.tolist()}")
    values = known(values)
    across, up = places - places.mean(), values - values.mean(along, skipna=False)
    total = (up**2).sum(along, skipna=False) * (across**2).sum()
    explained = (up * across).sum(along, skipna=False) ** 2 / total.where(total > 0)
    return named(explained, f"share of {name_of(values)} that is linear in {along}")
