"""How well a straight line describes a measure along an axis."""

import numpy as np
import xarray as xr

from lossatlas.claims.measures.reading import Datasets, Measure, described, name_of
from lossatlas.measures.selection import Label, choose


def linearity(
    datasets: Datasets, *, of: Measure, along: str, among: list[Label] | None = None
) -> xr.DataArray:
    """Share of a measure's variance along an axis that a least-squares line in the axis's values explains: R squared.

    ``among``: the values of the axis to take, default all. NaN as soon as the measure is not finite, or only a lower
    bound, at one of them, and where it does not vary. ValueError for fewer than three values, which a line may always
    fit, and for words.

    >>> coords = {"seed": [0, 1], "checkpoints": [0, 1, 3]}
    >>> seconds = xr.DataArray([[1.0, 2.0, 4.0], [1.0, 3.0, 1.0]], coords)
    >>> linearity({}, of=lambda datasets: seconds, along="checkpoints").round(3).values
    array([1.   , 0.036])
    """
    values = choose(of(datasets), along, among)
    places = values[along]
    if not np.issubdtype(places.dtype, np.number):
        raise ValueError(f"a line needs an axis of numbers; {along} has {places.values.tolist()}")
    if places.size < 3:
        raise ValueError(f"a line fits two values always; {along} has {places.values.tolist()}")
    known = np.isfinite(values)
    if "open" in values.coords:
        known &= ~values["open"]
        values = values.drop_vars("open")
    values = values.where(known)
    across, up = places - places.mean(), values - values.mean(along, skipna=False)
    total = (up**2).sum(along, skipna=False) * (across**2).sum()
    explained = (up * across).sum(along, skipna=False) ** 2 / total.where(total > 0)
    return described(explained, f"share of {name_of(values)} that is linear in {along}", "")
