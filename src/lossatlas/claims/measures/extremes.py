"""The lowest and the highest that a measure gets along a dimension, such as the best epoch of training."""

from collections.abc import Sequence

import xarray as xr

from lossatlas.claims.measures.reading import Datasets, Measure, described, name_of, units_of
from lossatlas.measures.selection import choose


def lowest(
    datasets: Datasets, *, of: Measure, along: str, among: Sequence[str | int | float] | None = None
) -> xr.DataArray:
    """Smallest value of a measure along a dimension, such as the error of the best epoch; NaN values are left out.

    ``among``: the places of the dimension to take, default all. Of a test error it is what papers print as best
    accuracy, chosen on the test images; a lower bound of it is one of the result.

    >>> errors = xr.DataArray([[5.0, 2.0, 3.0]], coords={"seed": [0], "epoch": [1, 2, 3]})
    >>> lowest({}, of=lambda datasets: errors, along="epoch").values
    array([2.])
    """
    return _extreme(of(datasets), along, among, "lowest")


def highest(
    datasets: Datasets, *, of: Measure, along: str, among: Sequence[str | int | float] | None = None
) -> xr.DataArray:
    """Greatest value of a measure along a dimension; as `lowest`.

    >>> distances = xr.DataArray([[5.0, 2.0, 3.0]], coords={"seed": [0], "epoch": [1, 2, 3]})
    >>> highest({}, of=lambda datasets: distances, along="epoch", among=[2, 3]).values
    array([3.])
    """
    return _extreme(of(datasets), along, among, "highest")


def _extreme(
    values: xr.DataArray, along: str, among: Sequence[str | int | float] | None, which: str
) -> xr.DataArray:
    values = choose(values, along, among)
    if "open" in values.coords:  # a value that may be larger could or could not be the extreme one
        values = values.where(~values["open"].any(along)).drop_vars("open")
    found = values.min(along) if which == "lowest" else values.max(along)
    return described(found, f"{which} {name_of(values)} along {along}", units_of(values))
