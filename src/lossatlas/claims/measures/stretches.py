"""A part of a course, such as the epochs after a checkpoint."""

import numpy as np
import xarray as xr

from lossatlas.claims.measures.reading import Datasets, Measure, described, name_of, units_of


def stretch(
    datasets: Datasets, *, of: Measure, along: str, after: float = -np.inf, until: float = np.inf
) -> xr.DataArray:
    """A measure at the places of a dimension that lie beyond ``after``, up to ``until``, this one included.

    ValueError if there is no such dimension, or no such place on it.

    >>> distances = xr.DataArray([np.nan, 1.0, 4.0, 9.0], coords={"epoch": [20, 21, 22, 23]})
    >>> stretch({}, of=lambda datasets: distances, along="epoch", after=20, until=22).values
    array([1., 4.])
    """
    values = of(datasets)
    if along not in values.dims:
        raise ValueError(f"no dimension {along!r} to take a stretch of; there are {list(values.dims)}")
    places = values[along]
    inside = ((places > after) & (places <= until)).values
    if not inside.any():
        raise ValueError(
            f"{along} has no place after {after:g}, up to {until:g}; it has {places.values.tolist()}"
        )
    return described(values.isel({along: inside}), name_of(values), units_of(values))
