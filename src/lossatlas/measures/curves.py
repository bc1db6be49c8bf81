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

    With several points ``around``, one new dimension of that name tells them apart. Linear between
    grid points; see `level_sets.interval_width` for NaN, infinite and unbounded cases.

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
    return named(rises, f"rise of the {split} {variable} at |α| >= {beyond:g}")


def bump(interpolation: xr.Dataset, *, variable: str = "error", split: str = "test") -> xr.DataArray:
    """How far a variable halfway between two networks, at alpha 1/2, lies above the larger of its values at the two.

    Negative where it lies below that. ValueError unless 0, 1/2 and 1 are surveyed.

    >>> bump(xr.Dataset({"error": ("alpha", [0.25, 0.75, 0.5])}, {"alpha": [0.0, 0.5, 1.0]})).item()
    0.25
    """
    values = variable_of(interpolation, variable, "alpha", split=split)
    start, middle, end = (select(values, {"alpha": alpha}) for alpha in (0.0, 0.5, 1.0))
    above = middle - np.maximum(start, end)
    return named(above, f"{split} {variable} halfway less at the worse end", units_of(values))


def change(values: xr.DataArray, *, along: str, after: Sequence[float]) -> xr.DataArray:
    """By how much ``values`` are larger at the next place of a dimension than at each place ``after``. Keeps these.

    ValueError for a place that is not there, or is the last.

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

    NaN where they never are, or where there is no level.

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

    Where they are not greater at the last place, that place is a lower bound. Places at which either arm is NaN are
    left out; NaN where these are all. In units of the dimension. ValueError if there is no such dimension.

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

    ``among``: the values of the axis to take, default all. NaN as soon as the measure is not finite at one of them.
    ValueError for fewer than two values, for words, and for the logarithm of what is not positive.

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

    ``among``: the values of the axis to take, default all. NaN as soon as ``values`` are not finite, or only a lower
    bound, at one of them, and where they do not vary. ValueError for fewer than three values, which a line may always
    fit, and for words.

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
