"""Values that are only lower bounds, carried through whatever a measure does with them.

xarray's arithmetic does not know that a value is a bound, and drops a coordinate that says so in silence. So within
a measure there is no such coordinate: the measure runs once with bounds as they stand, and, if some were met, again
with them at infinity. What comes out the same is known, what became infinite is a bound itself, all else is unknown.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
import xarray as xr


@dataclass
class _Pass:
    lifted: bool  # bounds are put at infinity
    met: bool = False  # there were bounds


_pass: ContextVar[_Pass | None] = ContextVar("pass", default=None)


def bounded(values: xr.DataArray, is_open: xr.DataArray) -> xr.DataArray:
    """``values`` of which those that are ``is_open`` are lower bounds only. All bounds must arise here.

    Within `with_bounds` bounds stand, or are infinite; elsewhere the coordinate ``open`` tells which they are.

    Parameters
    ----------
    values : DataArray
        Values, of which some are lower bounds.
    is_open : DataArray of bool
        Which these are, over the same dimensions.

    Returns
    -------
    DataArray
        As the values.

    Examples
    --------
    >>> bounded(xr.DataArray([1.0, 2.0], dims="seed"), xr.DataArray([False, True], dims="seed")).open.values
    array([False,  True])
    """
    now = _pass.get()
    if now is None:
        return values.assign_coords(open=is_open)
    now.met = now.met or bool(is_open.any())
    return values.where(~is_open, np.inf) if now.lifted else values


def with_bounds(compute: Callable[[], xr.DataArray]) -> xr.DataArray:
    """What ``compute`` returns, with the coordinate ``open`` where it met bounds; NaN where these leave it unknown.

    Right for what grows with each bound, or does not depend on it, or becomes NaN at infinity, such as
    ``bound - bound`` and ``.std()``; not for ``abs(a - b)`` of one bound: take
    `difference(..., absolute=True) <lossatlas.measures.difference>`.

    Parameters
    ----------
    compute : Callable
        Function of no argument to a DataArray. It is called a second time if it met bounds.

    Returns
    -------
    DataArray
        What it returned first, over the same dimensions.

    Examples
    --------
    >>> bound = xr.DataArray([4.0, 4.0], dims="seed"), xr.DataArray([False, True], dims="seed")
    >>> double = with_bounds(lambda: 2 * bounded(*bound))
    >>> double.values, double.open.values
    (array([8., 8.]), array([False,  True]))
    >>> with_bounds(lambda: 1 / bounded(*bound)).values
    array([0.25,  nan])
    """
    standing, met = _run(compute, lifted=False)
    if not met:
        return standing
    lifted, _ = _run(compute, lifted=True)
    is_open = (lifted == np.inf) & (standing != np.inf)
    known = (lifted == standing) | is_open
    return standing.where(known).assign_coords(open=is_open)


def _run(compute: Callable[[], xr.DataArray], *, lifted: bool) -> tuple[xr.DataArray, bool]:
    this = _Pass(lifted)
    token = _pass.set(this)
    try:
        with np.errstate(
            invalid="ignore" if lifted else None
        ):  # inf - inf is not known, and nothing to warn of
            return compute(), this.met
    finally:
        _pass.reset(token)
