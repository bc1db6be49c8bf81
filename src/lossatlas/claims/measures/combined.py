"""Measures made of other measures: slopes, spreads, means, differences, ratios, logarithms.

A value that is only a lower bound leaves a difference, a ratio, a slope or a spread unknown in either direction, so
these are NaN where they rest on one.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from lossatlas.claims.measures.reading import Datasets, Measure, described, name_of, units_of
from lossatlas.measures.selection import Selector, average, choose, describe, select


def slope(
    datasets: Datasets,
    *,
    of: Measure,
    along: str,
    among: Sequence[str | int | float] | None = None,
    log: bool = False,
) -> xr.DataArray:
    """Least-squares slope of a measure against the values of an axis, or with ``log`` against their natural logarithms.

    ``among``: the values of the axis to take, default all. NaN as soon as the measure is not finite at one of them.
    ValueError for fewer than two values, for words, and for the logarithm of what is not positive.

    >>> errors = xr.DataArray([[1.0, 2.0], [2.0, 2.5], [3.0, 3.0]], coords={"depth": [10, 20, 40], "seed": [0, 1]})
    >>> (slope({}, of=lambda datasets: errors, along="depth", log=True) * np.log(2)).values
    array([1. , 0.5])
    """
    values = choose(_known(of(datasets)), along, among)
    places = _places(values, along, log)
    centred = places - places.mean()
    slopes = (values * centred).sum(along, skipna=False) / (centred**2).sum()
    against = f"log {along}" if log else along
    return described(slopes, f"slope of {name_of(values)} against {against}", "")


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


def spread(datasets: Datasets, *, of: Measure, over: str) -> xr.DataArray:
    """Standard deviation (ddof 1) of a measure over a dimension, such as the directions of a line.

    NaN as soon as the measure is not finite at one place, and for one place only.

    >>> widths = xr.DataArray([[1.0, 2.0, 3.0]], dims=("seed", "direction"))
    >>> spread({}, of=lambda datasets: widths, over="direction").values
    array([1.])
    """
    values = _known(of(datasets))
    if over not in values.dims:
        raise ValueError(f"no dimension {over!r} to spread over; there are {list(values.dims)}")
    if values.sizes[over] < 2:
        spreads = values.isel({over: 0}, drop=True) * np.nan
    else:
        spreads = values.std(over, ddof=1, skipna=False)
    return described(spreads, f"spread over {over}s of {name_of(values)}", units_of(values))


def mean(datasets: Datasets, *, of: Measure, over: str | Sequence[str]) -> xr.DataArray:
    """Mean of a measure over dimensions, NaN as soon as one value is; a lower bound as soon as one is.

    >>> widths = xr.DataArray([[1.0, 2.0, 6.0]], dims=("seed", "direction"))
    >>> mean({}, of=lambda datasets: widths, over="direction").values
    array([3.])
    """
    values = of(datasets)
    dims = [over] if isinstance(over, str) else list(over)
    return described(average(values, dims), f"mean {name_of(values)}", units_of(values))


def difference(
    datasets: Datasets, *, of: Measure, first: Selector, second: Selector, absolute: bool = False
) -> xr.DataArray:
    """A measure in one arm less that in another; with ``absolute`` its size. Keeps the dimensions that neither names.

    >>> errors = xr.DataArray([[9.0, 8.0], [7.0, 5.0]], coords={"batch_size": [164, 16], "seed": [0, 1]})
    >>> difference({}, of=lambda datasets: errors, first={"batch_size": 164}, second={"batch_size": 16}).values
    array([2., 3.])
    """
    values = _known(of(datasets))
    gap = select(values, first) - select(values, second)
    name = f"{name_of(values)} at {describe(first)} less at {describe(second)}"
    if absolute:
        return described(abs(gap), f"size of {name}", units_of(values))
    return described(gap, name, units_of(values))


def ratio(datasets: Datasets, *, of: Measure, to: Measure) -> xr.DataArray:
    """A measure as a multiple of another, NaN where the other is 0.

    >>> spreads, gaps = xr.DataArray([1.0, 2.0], dims="seed"), xr.DataArray([10.0, 0.0], dims="seed")
    >>> ratio({}, of=lambda datasets: spreads, to=lambda datasets: gaps).values
    array([0.1, nan])
    """
    one, two = _known(of(datasets)), _known(to(datasets))
    return described(one / two.where(two != 0), f"{name_of(one)} relative to {name_of(two)}", "")


def log10(datasets: Datasets, *, of: Measure) -> xr.DataArray:
    """Decimal logarithm of a measure, NaN where it is not positive; lower bounds stay lower bounds.

    >>> ranges = xr.DataArray([1e30, np.inf, 0.0], dims="seed")
    >>> log10({}, of=lambda datasets: ranges).values
    array([30., inf, nan])
    """
    values = of(datasets)
    logs = xr.apply_ufunc(np.log10, values.where(values > 0))
    return described(logs, f"log10 of {name_of(values)}", "")


def _known(values: xr.DataArray) -> xr.DataArray:
    """``values`` where they are finite and no mere bounds, without the coordinate that tells."""
    known = np.isfinite(values)
    if "open" in values.coords:
        known &= ~values["open"]
        return values.where(known).drop_vars("open")
    return values.where(known)
