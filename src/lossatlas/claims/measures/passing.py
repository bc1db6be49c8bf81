"""Where one arm's course passes another's."""

import numpy as np
import xarray as xr

from lossatlas.claims.measures.reading import Datasets, Measure, described, name_of, units_of
from lossatlas.measures.selection import Selector, describe, select


def overtaking(
    datasets: Datasets, *, of: Measure, along: str, ahead: Selector, behind: Selector
) -> xr.DataArray:
    """First place of a dimension from which on a measure stays greater in one arm than in another, to the last place.

    Where it is not greater at the last place, that place is a lower bound: the coordinate ``open`` is true. Places at
    which either arm is NaN are left out; NaN where these are all. In units of the dimension. ValueError if there is no
    such dimension.

    >>> distances = xr.DataArray([[3.0, 4.0, 4.5, 4.6], [1.0, 3.0, 5.0, 8.0]],
    ...                          coords={"width": [1, 10], "epoch": [1, 2, 3, 4]})
    >>> of = lambda datasets: distances
    >>> overtaking({}, of=of, along="epoch", ahead={"width": 10}, behind={"width": 1}).item()
    3.0
    >>> overtaking({}, of=of, along="epoch", ahead={"width": 1}, behind={"width": 10}).coords["open"].item()
    True
    """
    values = of(datasets)
    if along not in values.dims:
        raise ValueError(f"no dimension {along!r} to overtake along; there are {list(values.dims)}")
    gap = select(values, ahead) - select(values, behind)
    places = gap[along].astype(np.float64)
    known = gap.notnull()
    end = places.where(known).max(along)
    held_up = places.where(known & (gap <= 0)).max(along)  # the last place at which it is not yet ahead
    first = places.where(known & ((places > held_up) | held_up.isnull())).min(along)
    found = first.fillna(end).assign_coords(open=first.isnull() & end.notnull())
    meaning = (
        f"{along} from which on {name_of(values)} is greater at {describe(ahead)} than at {describe(behind)}"
    )
    return described(found, meaning, units_of(places))
