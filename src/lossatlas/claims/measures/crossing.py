"""Where a curve falls below a level of its own."""

import numpy as np
import xarray as xr

from lossatlas.claims.measures.reading import Datasets, Measure, described, name_of, units_of, variable_of
from lossatlas.measures.selection import Selector, select


def first_below(
    datasets: Datasets,
    *,
    landscape: str,
    variable: str,
    along: str,
    level: Measure,
    at: Selector | None = None,
) -> xr.DataArray:
    """First place of a dimension where a variable, at the coordinates ``at``, is below the network's ``level``.

    NaN where it never is, or where there is no level. In units of the dimension.

    >>> history = xr.Dataset({"loss": (("seed", "epoch"), [[2.0, 0.9, 0.3], [2.0, 1.5, 1.0]])}, {"epoch": [1, 2, 3]})
    >>> level = lambda datasets: xr.DataArray([1.0, 0.5], dims="seed")
    >>> first_below({"history": history}, landscape="history", variable="loss", along="epoch", level=level).values
    array([ 2., nan])
    """
    values = select(variable_of(datasets, landscape, variable, along), at or {})
    of_level = level(datasets)
    values, of_level = xr.align(values, of_level, join="inner")
    below = values < of_level
    places = below.idxmax(along).where(below.any(along), np.nan).astype(np.float64)
    meaning = f"first {along} at which {name_of(values)} is below {name_of(of_level)}"
    return described(places, meaning, units_of(values[along]))
