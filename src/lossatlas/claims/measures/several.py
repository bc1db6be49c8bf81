"""Several measures side by side, such as one measure of several planes through the same networks."""

from collections.abc import Sequence

import xarray as xr

from lossatlas.claims.measures.reading import Datasets, Measure, described, name_of, units_of


def stacked(datasets: Datasets, *, of: Sequence[Measure], over: str) -> xr.DataArray:
    """The measures ``of`` along a new dimension ``over``, 0, 1, ... in their order, named as the first of them.

    What is only a lower bound stays one. ValueError for no measure at all, and for a dimension that they have already.

    >>> wide, narrow = xr.DataArray([2.0, 3.0], dims="seed"), xr.DataArray([1.0, 1.5], dims="seed")
    >>> stacked({}, of=[lambda datasets: wide, lambda datasets: narrow], over="plane").values
    array([[2. , 1. ],
           [3. , 1.5]])
    """
    if not of:
        raise ValueError("stacked needs a measure")
    parts = [measure(datasets) for measure in of]
    if over in parts[0].dims:
        raise ValueError(f"the measures have a dimension {over!r} already: {list(parts[0].dims)}")
    bounded = any("open" in part.coords for part in parts)
    if bounded:
        parts = [
            part.assign_coords(open=part.coords.get("open", xr.zeros_like(part, dtype=bool)))
            for part in parts
        ]
    along_too = ["open"] if bounded else "minimal"
    joined = xr.concat(
        parts, dim=over, join="exact", coords=along_too, compat="override", combine_attrs="override"
    )
    joined = joined.assign_coords({over: range(len(parts))}).transpose(..., over)
    return described(joined, name_of(parts[0]), units_of(parts[0]))
