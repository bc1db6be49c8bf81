"""Measures that are variables of a dataset as they stand."""

from collections.abc import Sequence

import xarray as xr

from lossatlas.claims.measures.reading import Datasets, described, name_of, units_of, variable_of
from lossatlas.measures.selection import Selector, choose, select


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


def change(
    datasets: Datasets, *, landscape: str, variable: str, along: str, after: Sequence[float]
) -> xr.DataArray:
    """By how much a variable is larger at the next place of a dimension than at each place ``after``. Keeps these.

    ValueError for a place that is not there, or is the last.

    >>> history = xr.Dataset({"train_loss": ("epoch", [3.0, 1.0, 2.5, 0.5])}, {"epoch": [1, 2, 3, 4]})
    >>> change({"history": history}, landscape="history", variable="train_loss", along="epoch", after=[2, 3]).values
    array([ 1.5, -2. ])
    """
    values = variable_of(datasets, landscape, variable, along)
    places = values[along].values.tolist()
    for place in after:
        if place not in places[:-1]:
            raise ValueError(f"{along} has no {place} with another after it; it has {places}")
    nexts = [places[places.index(place) + 1] for place in after]
    there = choose(values, along, list(after))
    rise = choose(values, along, nexts).assign_coords({along: there[along].values}) - there
    return described(rise, f"change of {name_of(values)} to the next {along}", units_of(values))
