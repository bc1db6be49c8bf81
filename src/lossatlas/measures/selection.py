"""Choosing from an array by the values of its dimensions, with its name and its units."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import xarray as xr

Label = str | int | float
Selector = Mapping[str, Label | Sequence[Label]]
"""Dimension -> the one value wanted, {"batch_size": 128}, or those wanted of it."""

_Data = TypeVar("_Data", xr.DataArray, xr.Dataset)

_PRINTED = {"1": "", "percent": "%"}  # units of a dataset, as they follow a number


def named(values: xr.DataArray, long_name: str, units: str = "") -> xr.DataArray:
    """Copy of ``values`` that carries just this description.

    Parameters
    ----------
    values : DataArray
        What is described.
    long_name : str
        What they are, in words.
    units : str, default ""
        As they follow a number; "1" becomes "", the default, and "percent" becomes "%".

    Returns
    -------
    DataArray
        With no other attributes.

    Examples
    --------
    >>> named(xr.DataArray(0.5), "gain", "percent").units
    '%'
    """
    copy = values.copy(deep=False)
    copy.attrs = {"long_name": long_name, "units": _PRINTED.get(units, units)}
    return copy


def name_of(values: xr.DataArray) -> str:
    """What the values are, in words."""
    return str(values.attrs.get("long_name", values.name or "the measure")).replace("_", " ")


def units_of(values: xr.DataArray) -> str:
    """Units of the values, "" where there are none."""
    return str(values.attrs.get("units", ""))


def at(values: xr.DataArray, /, **where: Label | Sequence[Label]) -> xr.DataArray:
    """The part of ``values`` at some values of its dimensions: ``at(x, epoch=80)``, ``at(x, skip=[True, False])``.

    (xarray's own ``sel`` takes a list of booleans for a mask, and floats as they stand.)

    Parameters
    ----------
    values : DataArray
        What to choose from.
    **where : str, int, float or sequence of these
        Dimension = the one value wanted of it, and it disappears; or those wanted, in their order. Floats match to a
        relative 1e-9.

    Returns
    -------
    DataArray
        With the name and the units of the values.

    Raises
    ------
    ValueError
        If there is no such dimension or no such value on it.

    Examples
    --------
    >>> errors = xr.DataArray([1.0, 2.0], coords={"batch_size": [16, 164]})
    >>> at(errors, batch_size=164).item()
    2.0
    """
    return _as(select(values, where), values)


def after(values: xr.DataArray, /, *, until: float = np.inf, **place: float) -> xr.DataArray:
    """The ``values`` at the places of a dimension that lie beyond one, up to ``until``, this one included.

    The sum over what it returns does not depend on how the array lies in memory, as that over a slice may, in the last
    bits.

    Parameters
    ----------
    values : DataArray
        What to choose from.
    until : float, optional
        Last place that is kept; by default all to the end are.
    **place : float
        Dimension = the place after which those that are kept begin. One dimension.

    Returns
    -------
    DataArray
        With the name and the units of the values.

    Raises
    ------
    ValueError
        If there is no such dimension, or no such place on it.

    Examples
    --------
    >>> distances = xr.DataArray([np.nan, 1.0, 4.0, 9.0], coords={"epoch": [20, 21, 22, 23]})
    >>> after(distances, epoch=20, until=22).values
    array([1., 4.])
    """
    ((dim, start),) = place.items()
    require(values, dim)
    places = values[dim]
    inside = ((places > start) & (places <= until)).values
    if not inside.any():
        known = places.values.tolist()
        raise ValueError(f"{dim} has no place after {start:g}, up to {until:g}; it has {known}")
    return _as(values.isel({dim: inside}), values)


def last(values: xr.DataArray, along: str) -> xr.DataArray:
    """The last of ``values`` along a dimension, such as the weight norm after the last epoch.

    Parameters
    ----------
    values : DataArray
        (..., along).
    along : str
        Dimension that disappears.

    Returns
    -------
    DataArray
        In the units of the values.

    Raises
    ------
    ValueError
        If there is no such dimension.

    Examples
    --------
    >>> last(xr.DataArray([[60.0, 90.0, 158.0]], dims=("seed", "epoch")), "epoch").values
    array([158.])
    """
    require(values, along)
    final = values.isel({along: -1}, drop=True)
    return named(final, f"{name_of(values)} at the last {along}", units_of(values))


def _as(part: xr.DataArray, values: xr.DataArray) -> xr.DataArray:
    return named(part, name_of(values), units_of(values))


def select(values: _Data, where: Selector) -> _Data:
    """The part of ``values``, an array or a dataset, at the coordinates ``where``.

    A dimension of which one value is wanted disappears, one of which several are listed keeps these, in their order: so
    means over it are means over networks that the sweep has. Floats match to a relative 1e-9, so that 5e-4 finds 0.0005
    whatever file either came from. ValueError if there is no such dimension or no such value on it.

    >>> errors = xr.DataArray([1.0, 2.0], coords={"batch_size": [16, 164]})
    >>> select(errors, {"batch_size": 164}).item()
    2.0
    """
    for dim, wanted in where.items():
        if isinstance(wanted, Sequence) and not isinstance(wanted, str):
            values = choose(values, dim, wanted)
        else:
            values = values.isel({dim: _position(values, dim, wanted)}, drop=True)
    return values


def choose(values: _Data, dim: str, among: Sequence[Label] | None) -> _Data:
    """The part of ``values`` at several values of a dimension, in their order; all of it for None.

    ValueError if there is no such dimension, or no such value on it.

    >>> errors = xr.DataArray([5.0, 2.0, 3.0], coords={"depth": [8, 20, 56]})
    >>> choose(errors, "depth", [20, 8]).values
    array([2., 5.])
    """
    require(values, dim)
    if among is None:
        return values
    return values.isel({dim: [_position(values, dim, label) for label in among]})


def _position(values: xr.DataArray | xr.Dataset, dim: str, wanted: Label) -> int:
    if dim not in values.dims:
        raise ValueError(f"no dimension {dim!r} to select {wanted!r} on; there are {list(values.dims)}")
    labels = values[dim].values.tolist()
    for position, label in enumerate(labels):
        if _same(label, wanted):
            return position
    raise ValueError(f"{dim} has no {wanted!r}; it has {labels}")


def _same(label: object, wanted: object) -> bool:
    if isinstance(label, float) and isinstance(wanted, int | float):
        return bool(np.isclose(label, wanted, rtol=1e-9, atol=0))
    return label == wanted


def require(values: xr.DataArray | xr.Dataset, dim: str) -> None:
    """Raise ValueError unless ``values`` have the dimension ``dim``."""
    if dim not in values.dims:
        raise ValueError(f"no dimension {dim!r}; there are {list(values.dims)}")


def average(values: xr.DataArray, over: Iterable[str]) -> xr.DataArray:
    """Mean over dimensions, NaN as soon as one value is; ``open`` as soon as one is.

    >>> average(xr.DataArray([[1.0, 3.0], [1.0, np.nan]], dims=("seed", "direction")), ["direction"]).values
    array([ 2., nan])
    """
    dims = list(over)
    missing = [dim for dim in dims if dim not in values.dims]
    if missing:
        raise ValueError(f"no dimension {missing[0]!r} to average over; there are {list(values.dims)}")
    mean = values.mean(dims, skipna=False, keep_attrs=True)
    return mean.assign_coords(open=values["open"].any(dims)) if "open" in values.coords else mean


def describe(where: Selector) -> str:
    """A selector in words.

    >>> describe({"batch_size": 8192, "weight_decay": 5e-4})
    'batch size 8192, weight decay 0.0005'
    """
    return ", ".join(f"{dim.replace('_', ' ')} {_plain(value)}" for dim, value in where.items())


def _plain(value: Label | Sequence[Label]) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " and ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
