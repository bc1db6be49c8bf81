"""What xarray's arithmetic would leave without a name, or would not refuse: means, differences, ratios, logarithms.

A value that is only a lower bound leaves a difference, a ratio or a spread unknown in either direction, so these are
NaN where they rest on one.
"""

import numpy as np
import xarray as xr

from lossatlas.measures.selection import Selector, average, describe, name_of, named, select, units_of


def percent(share: xr.DataArray) -> xr.DataArray:
    """A share in percent.

    Parameters
    ----------
    share : DataArray
        Shares, in [0, 1].

    Returns
    -------
    DataArray
        The same times 100, with the unit %.

    Examples
    --------
    >>> percent(xr.DataArray([0.25, 0.125], dims="seed", name="test_error")).attrs
    {'long_name': 'test error', 'units': '%'}
    """
    return named(share * 100, name_of(share), "%")


def mean(values: xr.DataArray, *over: str) -> xr.DataArray:
    """Mean over dimensions, NaN as soon as one value is, where xarray's own leaves NaN out.

    Parameters
    ----------
    values : DataArray
        What to average.
    *over : str
        Dimensions to average over; none leaves the values as they are.

    Returns
    -------
    DataArray
        Without those dimensions, in the units of the values. ``open`` as soon as one of the averaged is.

    Raises
    ------
    ValueError
        For a dimension that is not there.

    Examples
    --------
    >>> mean(xr.DataArray([[1.0, 2.0, 6.0], [1.0, 2.0, np.nan]], dims=("seed", "direction")), "direction").values
    array([ 3., nan])
    """
    return named(average(values, over), f"mean {name_of(values)}", units_of(values))


def spread(values: xr.DataArray, *, over: str) -> xr.DataArray:
    """Standard deviation (ddof 1) over a dimension, such as the directions of a line.

    Parameters
    ----------
    values : DataArray
        What to take the spread of.
    over : str
        Dimension that disappears.

    Returns
    -------
    DataArray
        In the units of the values. NaN as soon as the measure is not finite at one place, and for one place only.

    Raises
    ------
    ValueError
        For a dimension that is not there.

    Examples
    --------
    >>> spread(xr.DataArray([[1.0, 2.0, 3.0]], dims=("seed", "direction")), over="direction").values
    array([1.])
    """
    values = known(values)
    if over not in values.dims:
        raise ValueError(f"no dimension {over!r} to spread over; there are {list(values.dims)}")
    if values.sizes[over] < 2:
        spreads = values.isel({over: 0}, drop=True) * np.nan
    else:
        spreads = values.std(over, ddof=1, skipna=False)
    return named(spreads, f"spread over {over}s of {name_of(values)}", units_of(values))


def deviation(values: xr.DataArray, *, over: str) -> xr.DataArray:
    """Distance of each value from the median over a dimension, such as that of each seed from all.

    Whether values of one arm lie farther apart than those of another is a question on these distances: compared by a
    test of means they give a paired form of Brown and Forsythe's test, which stands skewed values where the ratio of
    variances does not.

    Parameters
    ----------
    values : DataArray
        What scatters.
    over : str
        Dimension whose median is taken, without NaN; it stays.

    Returns
    -------
    DataArray
        As ``values``, in their units, none negative; NaN where they are.

    Raises
    ------
    ValueError
        For a dimension that is not there.

    References
    ----------
    Brown & Forsythe 1974, "Robust tests for the equality of variances", J. of the American Statistical Association 69.

    Examples
    --------
    >>> deviation(xr.DataArray([1.0, 2.0, 9.0], dims="seed"), over="seed").values
    array([1., 0., 7.])
    """
    values = known(values)
    if over not in values.dims:
        raise ValueError(f"no dimension {over!r} to deviate over; there are {list(values.dims)}")
    distances = abs(values - values.median(over))
    return named(distances, f"distance from the median {name_of(values)}", units_of(values))


def difference(
    values: xr.DataArray, *, first: Selector, second: Selector, absolute: bool = False
) -> xr.DataArray:
    """``values`` in one arm less those in another; with ``absolute`` its size. Keeps the dimensions that neither names.

    Parameters
    ----------
    values : DataArray
        What differs.
    first, second : Selector
        The two arms: dimension -> the value wanted of it, or a list of those wanted.
    absolute : bool, default False
        Take the size of the difference; by default its sign is kept.

    Returns
    -------
    DataArray
        ``first`` less ``second``, in the units of the values.

    Raises
    ------
    ValueError
        For a dimension, or a value on one, that is not there.

    Examples
    --------
    >>> errors = xr.DataArray([[9.0, 8.0], [7.0, 5.0]], coords={"batch_size": [164, 16], "seed": [0, 1]})
    >>> difference(errors, first={"batch_size": 164}, second={"batch_size": 16}).values
    array([2., 3.])
    """
    values = known(values)
    gap = select(values, first) - select(values, second)
    name = f"{name_of(values)} at {describe(first)} less at {describe(second)}"
    if absolute:
        return named(abs(gap), f"size of {name}", units_of(values))
    return named(gap, name, units_of(values))


def ratio(values: xr.DataArray, to: xr.DataArray) -> xr.DataArray:
    """``values`` as a multiple of others, NaN where these are 0.

    Parameters
    ----------
    values, to : DataArray
        Numerator and denominator; they are broadcast against each other.

    Returns
    -------
    DataArray
        Their ratio, without a unit.

    Examples
    --------
    >>> ratio(xr.DataArray([1.0, 2.0], dims="seed"), xr.DataArray([10.0, 0.0], dims="seed")).values
    array([0.1, nan])
    """
    one, two = known(values), known(to)
    return named(one / two.where(two != 0), f"{name_of(one)} relative to {name_of(two)}")


def log10(values: xr.DataArray) -> xr.DataArray:
    """Decimal logarithm, NaN where there is none; lower bounds stay lower bounds.

    Parameters
    ----------
    values : DataArray
        What to take the logarithm of.

    Returns
    -------
    DataArray
        Without a unit; NaN where the values are not positive.

    Examples
    --------
    >>> log10(xr.DataArray([1e30, np.inf, 0.0], dims="seed")).values
    array([30., inf, nan])
    """
    logs = xr.apply_ufunc(np.log10, values.where(values > 0))
    return named(logs, f"log10 of {name_of(values)}")


def stacked(*arrays: xr.DataArray, over: str) -> xr.DataArray:
    """The ``arrays`` along a new dimension ``over``, 0, 1, ... in their order, named as the first of them.

    Parameters
    ----------
    *arrays : DataArray
        All at the same coordinates.
    over : str
        Name of the new dimension.

    Returns
    -------
    DataArray
        (..., over), in the units of the first of the arrays.

    Raises
    ------
    ValueError
        For no array at all, for a dimension that they have already, and if they lie at other coordinates.

    Examples
    --------
    >>> wide, narrow = xr.DataArray([2.0, 3.0], dims="seed"), xr.DataArray([1.0, 1.5], dims="seed")
    >>> stacked(wide, narrow, over="plane").values
    array([[2. , 1. ],
           [3. , 1.5]])
    """
    if not arrays:
        raise ValueError("stacked needs an array")
    if over in arrays[0].dims:
        raise ValueError(f"the arrays have a dimension {over!r} already: {list(arrays[0].dims)}")
    parts = list(arrays)
    bounded = any("open" in part.coords for part in parts)  # outside of claims
    if bounded:
        nowhere = (xr.zeros_like(part, dtype=bool) for part in parts)
        parts = [
            part.assign_coords(open=part.coords.get("open", no))
            for part, no in zip(parts, nowhere, strict=True)
        ]
    joined = xr.concat(
        parts,
        dim=over,
        join="exact",
        coords=["open"] if bounded else "minimal",
        compat="override",
        combine_attrs="override",
    )
    joined = joined.assign_coords({over: range(len(parts))}).transpose(..., over)
    return named(joined, name_of(arrays[0]), units_of(arrays[0]))


def known(values: xr.DataArray) -> xr.DataArray:
    """``values`` where they are finite and no mere bounds, without the coordinate that tells."""
    finite = np.isfinite(values)
    if "open" in values.coords:
        finite &= ~values["open"]
        return values.where(finite).drop_vars("open")
    return values.where(finite)
