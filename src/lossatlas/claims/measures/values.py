"""Measures that are variables of a dataset as they stand."""

import xarray as xr

from lossatlas.claims.measures.reading import Datasets, described, name_of, units_of, variable_of
from lossatlas.claims.selection import Selector, select


def value(
    datasets: Datasets,
    *,
    landscape: str,
    variable: str,
    at: Selector | None = None,
    scale: float = 1.0,
    units: str | None = None,
) -> xr.DataArray:
    """A variable as it stands, at the coordinates ``at``, times ``scale`` (then in ``units``).

    >>> errors = xr.Dataset({"test_error": ("seed", [0.25, 0.125])})
    >>> value({"summary": errors}, landscape="summary", variable="test_error", scale=100, units="%").values
    array([25. , 12.5])
    """
    values = select(variable_of(datasets, landscape, variable), at or {})
    return described(values * scale, name_of(values), units or units_of(values))


def last(datasets: Datasets, *, landscape: str, variable: str, along: str) -> xr.DataArray:
    """A variable's last value along a dimension, such as the weight norm after the last epoch.

    >>> history = xr.Dataset({"weight_norm": (("seed", "epoch"), [[60.0, 90.0, 158.0]])})
    >>> last({"history": history}, landscape="history", variable="weight_norm", along="epoch").values
    array([158.])
    """
    values = variable_of(datasets, landscape, variable, along)
    final = values.isel({along: -1}, drop=True)
    return described(final, f"{name_of(values)} at the last {along}", units_of(values))
